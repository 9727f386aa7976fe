// SPDX-License-Identifier: Apache-2.0
//
// gantry snapshot: writable root file systems above images, for those who run containers by themselves.
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <array>

#include <fmt/format.h>

#include "base/human.h"
#include "base/table.h"
#include "base/timestamp.h"
#include "cli/groups.h"
#include "cli/output_file.h"
#include "cli/store.h"
#include "image/archive_io.h"
#include "image/layer_diff.h"
#include "image/unpack_image.h"

namespace gantry::cli {
namespace {

using image::Snapshot;

struct NoOptions {
  std::vector<Option> table() { return {}; }
};

Result<int> create(Context& context, const NoOptions&, const Words& words) {
  Store store = TRY(open_store(context));
  const image::Image image = TRY(store.images->resolve(words[0]));
  const std::string& key = words[1];
  TRY_DURING(store.images->add_user(image.id, "snapshot/" + key), "snapshot '{}'", key);
  const oci::Digest top = TRY(image::unpack_image(*store.images, *store.snapshots, image));
  TRY(store.snapshots->prepare(key, top.is_empty() ? std::nullopt : std::optional(top), {}));
  return 0;
}

Result<int> list(Context& context, const NoOptions&, const Words&) {
  const Store store = TRY(open_store(context));
  Table table({"SNAPSHOT", "CREATED", "WRITTEN"});
  for (const Snapshot& snapshot : TRY(store.snapshots->snapshots())) {
    const auto age = std::chrono::nanoseconds(wall_clock_ns() - snapshot.created);
    table.add({snapshot.key, human_duration(std::chrono::duration_cast<std::chrono::seconds>(age)) + " ago",
               human_size(TRY(store.snapshots->usage(snapshot.key)).bytes)});
  }
  TRY(print(table.text()));
  return 0;
}

Result<int> remove(Context& context, const NoOptions&, const Words& keys) {
  Store store = TRY(open_store(context));
  for (const std::string& key : keys) {
    TRY(store.snapshots->remove(key));
    for (const image::Image& image : TRY(store.images->images()))
      for (const std::string& user : image.users)
        if (user == "snapshot/" + key) TRY(store.images->remove_user(image.id, user));
  }
  return 0;
}

Result<int> mount(Context& context, const NoOptions&, const Words& words) {
  Store store = TRY(open_store(context));
  kernel::OverlayMount root = TRY(store.snapshots->mount(words[0]));
  if (!root.why_fuse.empty()) context.log.warn(root.why_fuse);
  const UniqueFd directory(::open(words[1].c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return sys_error("open '{}'", words[1]);
  TRY(root.mount.attach_to(directory.get()));
  return 0;
}

Result<int> unmount(Context&, const NoOptions&, const Words& words) {
  if (::umount2(words[0].c_str(), UMOUNT_NOFOLLOW) < 0) return sys_error("unmount '{}'", words[0]);
  return 0;
}

// ---- diff

struct DiffOptions {
  std::string layer;
  std::vector<Option> table() {
    return {{0, "layer", "FILE", &layer, "Write the difference as the tar of an image layer"}};
  }
};

Result<int> diff(Context& context, const DiffOptions& options, const Words& words) {
  const Store store = TRY(open_store(context));
  const image::Snapshots::Parts parts = TRY(store.snapshots->parts(words[0]));
  std::vector<int> lowers;
  for (const UniqueFd& lower : parts.lowers) lowers.push_back(lower.get());
  if (!options.layer.empty()) {
    OutputFile file = TRY(OutputFile::open(options.layer));
    TRY(image::write_layer(parts.upper.get(), lowers, {}, file));
    TRY(file.commit());
    return 0;
  }
  constexpr std::array kLetters = {'C', 'A', 'D'};
  std::string text;
  for (const image::Change& change : TRY(image::changes(parts.upper.get(), lowers)))
    text += fmt::format("{} {}\n", kLetters[static_cast<std::size_t>(change.kind)], change.path);
  TRY(print(text));
  return 0;
}

// ---- export

struct ExportOptions {
  std::string output;
  std::vector<Option> table() {
    return {{'o', "output", "FILE", &output, "Where to (default: standard output)"}};
  }
};

Result<int> export_files(Context& context, const ExportOptions& options, const Words& words) {
  const Store store = TRY(open_store(context));
  const kernel::OverlayMount root = TRY(store.snapshots->mount(words[0]));
  OutputFile file = TRY(OutputFile::open(options.output));
  TRY(image::export_tar(root.mount.fd(), file));
  TRY(file.commit());
  return 0;
}

constexpr std::array kVerbs = {
    make_verb<NoOptions, create>("create", "IMAGE KEY", {2, 2},
                                 "Make a writable root file system above an image"),
    make_verb<DiffOptions, diff>("diff", "KEY", {1, 1},
                                 "List what was changed (A added, C changed, D deleted)"),
    make_verb<ExportOptions, export_files>("export", "KEY", {1, 1}, "Write the files as a flat tar"),
    make_verb<NoOptions, list>("ls", "", {0, 0}, "List snapshots"),
    make_verb<NoOptions, mount>("mount", "KEY DIR", {2, 2}, "Mount a snapshot"),
    make_verb<NoOptions, remove>("rm", "KEY...", {1, kAny}, "Remove snapshots and what was written in them"),
    make_verb<NoOptions, unmount>("unmount", "DIR", {1, 1}, "Undo 'mount'"),
};

}  // namespace

std::span<const Verb> snapshot_verbs() { return kVerbs; }

}  // namespace gantry::cli
