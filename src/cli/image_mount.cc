// SPDX-License-Identifier: Apache-2.0
//
// mount, unmount: a look at an image's files. Each mount is a read-only snapshot of its own, so that the
// image stays as long as somebody looks at it.
#include <cerrno>
#include <climits>
#include <cstdlib>

#include "cli/image.h"

namespace gantry::cli {
namespace {

Result<std::string> canonical(const std::string& directory) {
  char path[PATH_MAX];
  if (::realpath(directory.c_str(), path) == nullptr) return sys_error("find '{}'", directory);
  return std::string(path);
}

std::string key_of(const std::string& directory) { return "image-at:" + directory; }

Result<int> mount(Context& context, const NoOptions&, const Words& words) {
  Store store = TRY(open_store_to_unpack(context));
  const std::string directory = TRY(canonical(words[1])), key = key_of(directory);
  const image::Image image = TRY(store.images->resolve(words[0]));
  // Of a mount that went without us: by umount(8), or with the host.
  if (TRY(store.snapshots->snapshot(key)))
    TRY_DURING(remove_snapshot(store, key), "an image is mounted at '{}' already", directory);
  TRY(make_snapshot(context, store, image, key, {.is_read_only = true}));
  Result<void> mounted = mount_snapshot(context, store, key, directory);
  if (!mounted) (void)remove_snapshot(store, key);  // the first error is the one to tell
  TRY(std::move(mounted));
  return 0;
}

Result<int> unmount(Context& context, const NoOptions&, const Words& words) {
  Store store = TRY(open_store(context));
  const std::string directory = TRY(canonical(words[0])), key = key_of(directory);
  if (!TRY(store.snapshots->snapshot(key)))
    return error(Code::NotFound, "no image is mounted at '{}' (see 'gantry snapshot ls')", directory);
  // The mount may have gone without us. If it is only out of sight, in another mount namespace, the snapshot
  // is in use and stays.
  if (Result<void> done = unmount_directory(directory); !done && done.error().errno_value() != EINVAL)
    return std::move(done).error();
  TRY(remove_snapshot(store, key));
  return 0;
}

}  // namespace

const Verb kMount =
    make_verb<NoOptions, mount>("mount", "IMAGE DIR", {2, 2}, "Show an image's files in a directory");
const Verb kUnmount = make_verb<NoOptions, unmount>("unmount", "DIR", {1, 1}, "Undo 'mount'");

}  // namespace gantry::cli
