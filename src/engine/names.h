// SPDX-License-Identifier: Apache-2.0
//
// Names of containers and pods: what people may choose, and those that are found for them.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace gantry::engine {

// "adjective_surname" of somebody who gave computing, mathematics or another science something, and `retry`
// random digits: with them a host full of containers still finds names.
std::string random_name(int retry);

// Without the slash in front that clients may write. InvalidArgument: [a-zA-Z0-9][a-zA-Z0-9_.-]+ is allowed.
Result<std::string> check_name(std::string_view name);

}  // namespace gantry::engine
