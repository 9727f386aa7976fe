// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/command.h"

namespace gantry::cli {

extern const Verb kServer;

}  // namespace gantry::cli
