// SPDX-License-Identifier: Apache-2.0
#include "engine/mounted_rootfs.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/container_root.h"

namespace gantry::engine {

void clear_mount_point(const std::string& path) {
  (void)::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);  // nothing may be mounted
  (void)::rmdir(path.c_str());                                  // it may not be there
}

Result<MountedRootfs> MountedRootfs::mount(Core& core, const ContainerRecord& record,
                                           const std::string& path) {
  kernel::OverlayMount root = TRY(mount_root(core, record));
  if (!root.why_fuse.empty()) core.log.warn("fuse-overlayfs serves a container", {{"why", root.why_fuse}});
  clear_mount_point(path);
  if (::mkdir(path.c_str(), 0700) < 0) return sys_error("make '{}'", path);
  MountedRootfs mounted(path);
  const UniqueFd target = TRY(open_at(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_NOFOLLOW));
  TRY(root.mount.attach_to(target.get()));
  mounted.root_ = std::move(root.mount).release();
  return mounted;
}

MountedRootfs::~MountedRootfs() {
  if (!path_.empty()) clear_mount_point(path_);
}

}  // namespace gantry::engine
