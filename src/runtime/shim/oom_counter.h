// SPDX-License-Identifier: Apache-2.0
//
// Asks the kernel, once a container has ended, whether its cgroup's memory
// limit killed anything in it. Costs one descriptor.
#pragma once

#include <sys/types.h>

#include "base/unique_fd.h"

namespace gantry::shim {

class OomCounter {
 public:
  OomCounter() = default;
  // The cgroup that `pid` is in now. Where there is no memory controller the answer stays "no".
  static OomCounter of_process(pid_t pid);
  bool has_killed() const;

 private:
  explicit OomCounter(UniqueFd file) : file_(std::move(file)) {}
  UniqueFd file_;  // memory.events (cgroup v2) or memory.oom_control (v1); both have a line "oom_kill N"
};

}  // namespace gantry::shim
