// SPDX-License-Identifier: Apache-2.0
//
// Instructions and commands as part of a line of progress or of an error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::build {

// In one line and without control characters; what is longer than `limit` bytes is cut and ends in "...".
std::string shown_text(std::string_view text, std::size_t limit);

// RFC 3339, of nanoseconds since 1970.
std::string shown_time(std::int64_t nanoseconds);

}  // namespace gantry::build
