// SPDX-License-Identifier: Apache-2.0
//
// Completion of command lines in bash and zsh: both call `gantry complete` with the words so far.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "cli/command.h"

namespace gantry::cli {

// What the last of `words` may become, one a line. `gantry complete stop we` has the words "stop", "we".
std::string complete(const Command& command, const Context& context, std::span<const std::string> words);

// The text that a shell reads once: `. <(gantry completion bash)`.
Result<std::string> completion_script(std::string_view shell);

}  // namespace gantry::cli
