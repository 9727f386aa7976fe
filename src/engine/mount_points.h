// SPDX-License-Identifier: Apache-2.0
//
// What is mounted where, as /proc/self/mountinfo says (proc(5)): asking touches no mount, so one that hangs
// keeps nobody waiting.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace gantry::engine {

// Every mount point that is `directory` or lies below it, absolute; one that is covered more than once stands
// there more than once.
Result<std::vector<std::string>> mount_points_below(std::string_view directory);
std::vector<std::string> parse_mount_points(std::string_view mountinfo, std::string_view directory);

}  // namespace gantry::engine
