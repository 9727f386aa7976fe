// SPDX-License-Identifier: Apache-2.0
//
// How old things are, as kubectl's columns say it: "45s", "5m30s", "3h12m", "47h", "5d3h", "400d", "3y20d".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::kube::views {

// Two or three digits of it. "<invalid>" for what lies in the future by more than a second, which two clocks
// may differ by.
std::string age_text(std::int64_t seconds);

// From an RFC 3339 time to `now`, seconds since 1970; "<unknown>" where there is no time.
std::string age_since(std::string_view time, std::int64_t now);

}  // namespace gantry::kube::views
