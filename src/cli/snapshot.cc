// SPDX-License-Identifier: Apache-2.0
//
// gantry snapshot: writable root file systems above images, for those who run containers by themselves; and a
// control plane's store as a file (store_snapshot.h).
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "base/human.h"
#include "base/table.h"
#include "base/timestamp.h"
#include "cli/groups.h"
#include "cli/output_file.h"
#include "cli/store.h"
#include "cli/store_snapshot.h"
#include "image/archive_io.h"
#include "image/layer_diff.h"

namespace gantry::cli {
namespace {

using image::Snapshot;

// ---- create

struct CreateOptions {
  std::vector<std::string> id_map;
  bool read_only = false;
  bool is_volatile = false;
  std::vector<Option> table() {
    return {{0, "id-map", "INSIDE:OUTSIDE:COUNT", &id_map,
             "Show users and groups INSIDE of the image as OUTSIDE; nothing is copied"},
            {0, "read-only", "", &read_only, "Nothing can be written"},
            {0, "volatile", "", &is_volatile, "Faster; what was written is lost if the host goes down"}};
  }
};

Result<kernel::IdRange> parse_range(const std::string& text) {
  std::uint32_t numbers[3] = {};
  const char* at = text.data();
  const char* const end = at + text.size();
  for (std::uint32_t& number : numbers) {
    const auto [stopped, failure] = std::from_chars(at, end, number);
    const bool is_last = &number == &numbers[2];
    if (failure != std::errc() || (is_last ? stopped != end : stopped == end || *stopped != ':'))
      return error(Code::InvalidArgument, "option '--id-map' is INSIDE:OUTSIDE:COUNT, not '{}'", text);
    at = stopped + 1;
  }
  return kernel::IdRange{.inside = numbers[0], .outside = numbers[1], .size = numbers[2]};
}

Result<int> create(Context& context, const CreateOptions& options, const Words& words) {
  image::SnapshotOptions how{.is_read_only = options.read_only, .is_volatile = options.is_volatile};
  for (const std::string& text : options.id_map) how.id_maps.uids.push_back(TRY(parse_range(text)));
  how.id_maps.gids = how.id_maps.uids;
  Store store = TRY(open_store_to_unpack(context));
  TRY(make_snapshot(context, store, TRY(store.images->resolve(words[0])), words[1], how));
  return 0;
}

Result<int> list(Context& context, const NoOptions&, const Words&) {
  const Store store = TRY(open_store(context));
  Table table({"SNAPSHOT", "CREATED", "WRITTEN"});
  for (const Snapshot& snapshot : TRY(store.snapshots->snapshots())) {
    const auto age = std::chrono::nanoseconds(wall_clock_ns() - snapshot.created);
    const auto usage = TRY(store.snapshots->usage(snapshot.key));
    table.add({snapshot.key, human_duration(std::chrono::duration_cast<std::chrono::seconds>(age)) + " ago",
               human_size(usage.bytes)});
  }
  TRY(print(table.text()));
  return 0;
}

Result<int> remove(Context& context, const NoOptions&, const Words& keys) {
  Store store = TRY(open_store(context));
  for (const std::string& key : keys) TRY(remove_snapshot(store, key));
  return 0;
}

Result<int> mount(Context& context, const NoOptions&, const Words& words) {
  Store store = TRY(open_store(context));
  TRY(mount_snapshot(context, store, words[0], words[1]));
  return 0;
}

Result<int> unmount(Context&, const NoOptions&, const Words& words) {
  TRY(unmount_directory(words[0]));
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

}  // namespace

std::span<const Verb> snapshot_verbs() {
  static const std::array kVerbs = {
      make_verb<CreateOptions, create>("create", "IMAGE KEY", {2, 2},
                                       "Make a writable root file system above an image"),
      make_verb<DiffOptions, diff>("diff", "KEY", {1, 1},
                                   "List what was changed (A added, C changed, D deleted)"),
      make_verb<ExportOptions, export_files>("export", "KEY", {1, 1}, "Write the files as a flat tar"),
      make_verb<NoOptions, list>("ls", "", {0, 0}, "List snapshots"),
      make_verb<NoOptions, mount>("mount", "KEY DIR", {2, 2}, "Mount a snapshot"),
      kRestoreStore,
      make_verb<NoOptions, remove>("rm", "KEY...", {1, kAny},
                                   "Remove snapshots and what was written in them"),
      kSaveStore,
      make_verb<NoOptions, unmount>("unmount", "DIR", {1, 1}, "Undo 'mount'"),
  };
  return kVerbs;
}

}  // namespace gantry::cli
