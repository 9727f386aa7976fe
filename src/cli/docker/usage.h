// SPDX-License-Identifier: Apache-2.0
//
// `gantry usage`, also a verb of `gantry system`.
#pragma once

#include "cli/command.h"

namespace gantry::cli::docker {

extern const Verb kUsageReport;

}  // namespace gantry::cli::docker
