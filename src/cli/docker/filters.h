// SPDX-License-Identifier: Apache-2.0
//
// `--filter NAME=VALUE`, as the daemon takes them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/options.h"

namespace gantry::cli::docker {

// The row of a table; `letter` 0: none.
Option filter_option(char letter, std::vector<std::string>& filters, std::string_view help);

// {"label":{"a=b":true}}; empty if there are none.
std::string filters_parameter(const std::vector<std::string>& filters);

}  // namespace gantry::cli::docker
