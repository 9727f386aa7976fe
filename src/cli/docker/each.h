// SPDX-License-Identifier: Apache-2.0
//
// Verbs that take several names do each on its own: one that fails does not stop the others.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "cli/command.h"

namespace gantry::cli::docker {

// Whether a name that nothing has is a failure. With --force it is not, so that scripts need not look first.
enum class IfMissing : std::uint8_t { Fail, Tell };

// Prints what `act` answers, or its error, for each name. The exit status: 1 if any failed.
Result<int> for_each_name(const Words& names,
                          const std::function<Result<std::string>(const std::string&)>& act,
                          IfMissing if_missing = IfMissing::Fail);

}  // namespace gantry::cli::docker
