// SPDX-License-Identifier: Apache-2.0
//
// Instructions that change the config alone: ENV, LABEL, CMD, USER and so on. Pure functions of the state.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "build/stage_state.h"
#include "build/variables.h"
#include "dockerfile/expansion.h"
#include "dockerfile/instruction.h"

namespace gantry::build {

// Expands by the variables of the state. ResourceExhausted once all words of a stage have become more than
// kMostExpanded bytes: variables that double each other would fill the memory.
inline constexpr std::size_t kMostExpanded = 32 << 20;
Result<std::string> expand_in(StageState& state, std::string_view text,
                              const dockerfile::ExpandOptions& options);

// False if the instruction is none of these (RUN, COPY, ADD, WORKDIR, FROM). InvalidArgument names what is
// wrong, without the place.
Result<bool> apply_config_step(const dockerfile::Instruction& instruction, const GlobalArguments& globals,
                               char escape, StageState& state);

// Where WORKDIR leads: absolute and clean.
Result<std::string> working_directory(const dockerfile::Workdir& step, StageState& state, char escape);

// What the shell form of RUN, CMD and ENTRYPOINT becomes.
std::vector<std::string> command_words(const dockerfile::CommandLine& command, const StageState& state);

}  // namespace gantry::build
