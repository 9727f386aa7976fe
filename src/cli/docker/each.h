// SPDX-License-Identifier: Apache-2.0
//
// Verbs that take several names do each on its own: one that fails does not stop the others.
#pragma once

#include <functional>
#include <string>

#include "cli/command.h"

namespace gantry::cli::docker {

// Prints what `act` answers, or its error, for each name. The exit status: 1 if any failed.
Result<int> for_each_name(const Words& names,
                          const std::function<Result<std::string>(const std::string&)>& act);

}  // namespace gantry::cli::docker
