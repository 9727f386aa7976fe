// SPDX-License-Identifier: Apache-2.0
//
// The lines of `events`, as runc writes them: its field names, and like there
// most fields are left out when they are zero.
//
//   {"type":"stats","id":"web","data":{"cpu":{"usage":{"total":7,"kernel":3,"user":4},...
//   {"type":"oom","id":"web"}
#pragma once

#include <string>
#include <string_view>

#include "kernel/cgroup_stats.h"

namespace gantry::runtime {

// Without a newline at the end.
std::string stats_event(std::string_view id, const kernel::CgroupStats& stats);
std::string oom_event(std::string_view id);

}  // namespace gantry::runtime
