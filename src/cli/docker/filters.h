// SPDX-License-Identifier: Apache-2.0
//
// `--filter NAME=VALUE`, as the daemon takes them.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace gantry::cli::docker {

// {"label":{"a=b":true}}; empty if there are none.
Result<std::string> filters_parameter(const std::vector<std::string>& filters);

}  // namespace gantry::cli::docker
