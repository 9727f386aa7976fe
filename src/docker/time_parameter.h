// SPDX-License-Identifier: Apache-2.0
//
// `since` and `until` as Docker's clients write them: seconds since 1970 with or without a fraction
// ("1732183200.5"), RFC 3339 and its beginnings in the local time ("2026-11-21T10:20", "2026-11-21"), or how
// long ago ("1h30m", "10s").
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"

namespace gantry::docker {

// Nanoseconds since 1970; `now` is the same. InvalidArgument for other text.
Result<std::int64_t> parse_time(std::string_view text, std::int64_t now);

}  // namespace gantry::docker
