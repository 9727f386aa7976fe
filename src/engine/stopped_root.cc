// SPDX-License-Identifier: Apache-2.0
#include "engine/stopped_root.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>

#include "base/file.h"
#include "kernel/namespaces.h"
#include "kernel/rooted_path.h"

namespace gantry::engine {
namespace {

using kernel::Depth;
using kernel::DetachedMount;
using kernel::RootDir;

bool has_word(const oci::Mount& mount, const char* word) {
  return std::ranges::find(mount.options, word) != mount.options.end();
}

Result<void> attach_bind(const RootDir& root, const oci::Mount& mount, int user_namespace) {
  auto source =
      TRY(DetachedMount::copy_of(AT_FDCWD, mount.source, has_word(mount, "bind") ? Depth::One : Depth::Tree));
  TRY(source.set_attributes({.propagation = MS_PRIVATE}, Depth::Tree));
  if (has_word(mount, "idmap")) TRY(source.set_id_map(user_namespace, Depth::One));
  if (has_word(mount, "ro")) TRY(source.set_attributes({.set = MOUNT_ATTR_RDONLY}, Depth::One));
  if (has_word(mount, "rro")) TRY(source.set_attributes({.set = MOUNT_ATTR_RDONLY}, Depth::Tree));
  struct stat st{};
  if (::fstat(source.fd(), &st) < 0) return sys_error("look at '{}'", mount.source);
  const UniqueFd target = S_ISDIR(st.st_mode) ? TRY(root.make_directory(mount.destination, 0755))
                                              : TRY(root.make_file(mount.destination, 0644));
  return source.attach_to(target.get());
}

// In a thread that ends afterwards: it has a mount namespace and a working directory of its own from here on.
Result<UniqueFd> mount_privately(DetachedMount& root, const std::vector<oci::Mount>& mounts,
                                 StoppedRoot::Writable writable, int user_namespace) {
  TRY(kernel::unshare_namespaces(CLONE_NEWNS));
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0)
    return sys_error("make mounts private");
  // On top of "/": the one directory that is surely there. Paths of ours still begin below it.
  TRY(root.attach_to(TRY(open_at(AT_FDCWD, "/", O_PATH | O_DIRECTORY)).get()));
  const RootDir inside(TRY(open_at(root.fd(), ".", O_PATH | O_DIRECTORY)));
  for (const oci::Mount& mount : mounts)
    if (mount.type == "bind")
      TRY_DURING(attach_bind(inside, mount, user_namespace), "mount '{}' on '{}'", mount.source,
                 mount.destination);
  if (writable == StoppedRoot::Writable::No) TRY(root.set_attributes({.set = MOUNT_ATTR_RDONLY}, Depth::One));
  return open_at(AT_FDCWD, "/proc/thread-self/ns/mnt", O_RDONLY);
}

}  // namespace

Result<StoppedRoot> StoppedRoot::make(DetachedMount root, const std::vector<oci::Mount>& mounts,
                                      Writable writable, const kernel::IdMaps& id_maps) {
  UniqueFd user_namespace;
  if (!id_maps.uids.empty()) user_namespace = TRY(kernel::make_user_namespace(id_maps));
  std::optional<Result<UniqueFd>> mount_namespace;
  std::thread([&] {
    mount_namespace = mount_privately(root, mounts, writable, user_namespace.get());
  }).join();
  return StoppedRoot(TRY_DURING(*std::move(mount_namespace), "mount the container's file system"),
                     std::move(root));
}

}  // namespace gantry::engine
