// SPDX-License-Identifier: Apache-2.0
//
// A DetachedMount exists but hangs nowhere: no path leads to it, and it goes
// away with its descriptor. Set it up, then attach it in one step; when
// something fails half way, nothing is left behind.
//
//   DetachedMount root = TRY(DetachedMount::copy_of(AT_FDCWD, "rootfs", Depth::Tree));
//   TRY(root.set_attributes({.set = MOUNT_ATTR_RDONLY}, Depth::Tree));
//   TRY(root.attach_to(target.get()));
//
// The kernel's own words about a refused file system option are in the error
// (the message log of an fsopen(2) context). Needs Linux 5.12.
#pragma once

#include <sys/mount.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"

namespace gantry::kernel {

enum class Depth : std::uint8_t { One, Tree };  // a mount alone, or with all that is mounted below it

struct MountAttributes {
  std::uint64_t set = 0;          // MOUNT_ATTR_*
  std::uint64_t clear = 0;        // MOUNT_ATTR_*
  std::uint64_t propagation = 0;  // MS_PRIVATE, MS_SLAVE, MS_SHARED, MS_UNBINDABLE or 0: as it is

  bool empty() const { return set == 0 && clear == 0 && propagation == 0; }
};

struct NewFilesystem {
  std::string type;
  std::string source;
  // "size=64k" or "nodev"-like flags of the file system itself, as after mount -o.
  std::vector<std::string> options;
  std::uint64_t attributes = 0;  // MOUNT_ATTR_*
  // Options whose value is an open file, in order: overlayfs's layers. Not owned.
  std::vector<std::pair<std::string, int>> descriptors = {};
};

class DetachedMount {
 public:
  // A bind mount of what `path` names; `path` may be "" for `dir` itself (open_tree(2)).
  static Result<DetachedMount> copy_of(int dir, const std::string& path, Depth depth);
  // A new file system (fsopen(2), fsconfig(2), fsmount(2)).
  static Result<DetachedMount> create(const NewFilesystem& filesystem);

  Result<void> set_attributes(const MountAttributes& attributes, Depth depth);
  // Shows the mount's files with the ids of that user namespace's map.
  Result<void> set_id_map(int user_namespace, Depth depth);
  // `target` is a descriptor (O_PATH will do) of the directory or file to cover.
  Result<void> attach_to(int target);

  // The root of the mount, also after attaching it.
  int fd() const { return fd_.get(); }
  UniqueFd release() && { return std::move(fd_); }

  // Takes over a descriptor that another process made with open_tree(2).
  explicit DetachedMount(UniqueFd fd) : fd_(std::move(fd)) {}

 private:
  UniqueFd fd_;
};

// Attributes of the mount that `fd` stands on (mount_setattr(2)).
Result<void> set_mount_attributes(int fd, const MountAttributes& attributes, Depth depth);

// Makes `new_root` (a mount point of this mount namespace) the root and lets go
// of the old one; the working directory is "/" afterwards.
Result<void> pivot_to(int new_root);
// For a root on the initial ramfs, which cannot be pivoted away: move and chroot(2).
Result<void> move_root_to(int new_root);

}  // namespace gantry::kernel
