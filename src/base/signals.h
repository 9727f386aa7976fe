// SPDX-License-Identifier: Apache-2.0
//
// Signals by the names people type: "TERM", "SIGTERM", "15", "RTMIN+3".
#pragma once

#include <string_view>

#include "base/error.h"

namespace gantry {

Result<int> parse_signal(std::string_view text);

}  // namespace gantry
