// SPDX-License-Identifier: Apache-2.0
//
// Numbers as people read them, in the words that docker uses.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace gantry {

// Decimal units and three significant digits: "0B", "999B", "1.23kB", "150MB".
std::string human_size(std::uint64_t bytes);
// Rounded down to one unit: "Less than a second", "1 second", "About a minute", "3 hours", "2 weeks".
std::string human_duration(std::chrono::seconds duration);

}  // namespace gantry
