// SPDX-License-Identifier: Apache-2.0
//
// The root file system of a container in the host's mounts, for as long as the runtime takes to put it into
// the container's. Afterwards the container's mount namespace alone holds it, and it goes away with that:
// nothing is left to unmount when the container ends or the engine is killed.
#pragma once

#include <string>

#include "base/error.h"
#include "base/unique_fd.h"
#include "engine/core.h"

namespace gantry::engine {

class MountedRootfs {
 public:
  // `path` is made, and whatever a killed engine left mounted there goes.
  static Result<MountedRootfs> mount(Core& core, const ContainerRecord& record, const std::string& path);
  MountedRootfs(MountedRootfs&& other) noexcept
      : path_(std::exchange(other.path_, {})), root_(std::move(other.root_)) {}
  MountedRootfs& operator=(MountedRootfs&&) = delete;
  ~MountedRootfs();

  // As long as this is open the file system stays, mounted nowhere. Taking it down writes back the whole file
  // system below it, and the last process of a container would not be gone before that.
  UniqueFd hold() { return std::move(root_); }

 private:
  explicit MountedRootfs(std::string path) : path_(std::move(path)) {}
  std::string path_;  // empty: moved from
  UniqueFd root_;
};

// Detaches what is mounted there, if anything, and removes the directory.
void clear_mount_point(const std::string& path);

}  // namespace gantry::engine
