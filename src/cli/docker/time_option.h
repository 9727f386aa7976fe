// SPDX-License-Identifier: Apache-2.0
//
// Moments as options say them (--since, --until): RFC 3339 with or without zone, a date, seconds since 1970,
// or a duration, which means so long ago.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace gantry::cli::docker {

// As the daemon takes it: seconds since 1970, with nine digits behind a point. Empty stays empty.
Result<std::string> time_option(std::string_view option, std::string_view text);

}  // namespace gantry::cli::docker
