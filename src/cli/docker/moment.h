// SPDX-License-Identifier: Apache-2.0
//
// Moments as lists show them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::cli::docker {

// "3 hours ago"; seconds since 1970.
std::string ago(std::int64_t seconds);
// "2026-01-02 15:04:05 +0100 CET"
std::string local_time(std::int64_t seconds);
// "2026-01-02T15:04:05+01:00"
std::string rfc3339(std::int64_t seconds);
// Of an RFC 3339 time; 0 if it is none.
std::int64_t seconds_of(std::string_view timestamp);

}  // namespace gantry::cli::docker
