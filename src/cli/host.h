// SPDX-License-Identifier: Apache-2.0
//
// Verbs of "gantry host" that are also called without it.
#pragma once

#include "cli/command.h"

namespace gantry::cli {

extern const Verb kDoctor;

}  // namespace gantry::cli
