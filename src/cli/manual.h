// SPDX-License-Identifier: Apache-2.0
//
// Manual pages, made from the tables that the command itself is made of: gantry.1, gantry-run.1,
// gantry-network-create.1 ...
#pragma once

#include <string>

#include "cli/command.h"

namespace gantry::cli {

// Writes them into a directory, which is made if it is not there.
Result<void> write_manual(const Command& command, const std::string& directory);

}  // namespace gantry::cli
