// SPDX-License-Identifier: Apache-2.0
//
// Durations as Go's programs write them, and so Docker's users: "300ms", "1.5h", "2h45m".
#pragma once

#include <chrono>
#include <string_view>

#include "base/error.h"

namespace gantry {

// May be negative: "-10s". InvalidArgument for other text and for more than 146 years.
Result<std::chrono::nanoseconds> parse_duration(std::string_view text);

}  // namespace gantry
