// SPDX-License-Identifier: Apache-2.0
//
// Verbs that remove what nobody uses: they ask first, and tell what they have removed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/docker/engine_client.h"

namespace gantry::cli::docker {

// "WARNING! ... Are you sure you want to continue? [y/N]", on standard input.
Result<bool> confirm(std::string_view warning);

// What is told, and exited with, when the answer is no.
Result<int> nothing_pruned();

// Asks the daemon, and tells under `title` the names it answered under `key`, and the space that became free.
Result<std::string> prune_report(EngineClient& engine, std::string path,
                                 const std::vector<std::string>& filters, std::string_view key,
                                 std::string_view title);

}  // namespace gantry::cli::docker
