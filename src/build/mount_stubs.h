// SPDX-License-Identifier: Apache-2.0
//
// A runtime makes the files and directories that mounts go onto. Those that were not there before and are
// still empty when a RUN has ended are taken away again, so that no layer shows what was mounted.
#pragma once

#include <ctime>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "kernel/rooted_path.h"

namespace gantry::build {

class MountStubs {
 public:
  // Notes what is missing of these paths. The root outlives this.
  MountStubs(const kernel::RootDir& root, const std::vector<std::string>& mount_points);
  // Nothing is mounted there any more.
  Result<void> remove() const;

 private:
  struct Parent {
    std::string path;
    timespec mtime;
  };
  void note(const std::string& path);
  void note_parent(const std::string& path);

  const kernel::RootDir& root_;
  std::set<std::string> missing_;  // a directory before what is in it
  std::vector<Parent> parents_;    // that were there
};

}  // namespace gantry::build
