// SPDX-License-Identifier: Apache-2.0
//
// What a control group has counted, as UsageLog wants to know it.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>

#include "base/error.h"
#include "engine/usage.h"
#include "kernel/cgroup_layout.h"

namespace gantry::engine {

class UsageMeter {
 public:
  // `root` stands in front of /proc and /sys, for tests.
  static Result<UsageMeter> open(const std::string& root = "");

  // `cgroup_path` is below each hierarchy; `pid` is asked for interfaces, 0: nobody is. NotFound when the
  // group is gone. Any thread.
  Result<UsageCounters> read(const std::string& cgroup_path, pid_t pid) const;

 private:
  UsageMeter(kernel::CgroupLayout layout, std::string root)
      : layout_(std::move(layout)), root_(std::move(root)) {}
  kernel::CgroupLayout layout_;
  std::string root_;
};

}  // namespace gantry::engine
