// SPDX-License-Identifier: Apache-2.0
//
// The verbs of the group "builder"; `build` may be called without it.
#pragma once

#include "cli/command.h"

namespace gantry::cli {

extern const Verb kBuild;  // build.cc

}  // namespace gantry::cli
