// SPDX-License-Identifier: Apache-2.0
//
// A Dockerfile, parsed. What is accepted is what docker's own front end accepts (dockerfile 1.7 with the
// labs' COPY --parents and --exclude); what is not is an error that says where and what would be right.
//
//   Diagnostic problem;
//   Dockerfile file = TRY(parse(text, "Dockerfile", &problem));   // "Dockerfile:3:1: unknown instruction
//   ..." for (const Stage& stage : file.stages) ...
//
// No input or output, no variables: expansion.h expands words when their values are known.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "dockerfile/instruction.h"
#include "dockerfile/position.h"

namespace gantry::dockerfile {

inline constexpr std::size_t kMaxDockerfile = 16 << 20;  // bytes
inline constexpr std::size_t kMaxInstructions = 10'000;
inline constexpr std::size_t kMaxStages = 1'000;

// From the comments at the top: "# escape=`".
struct Directives {
  char escape = '\\';
  std::optional<std::string> syntax;  // the image of a front end; ours is built in
  std::optional<std::string> check;
};

struct Stage {
  std::size_t index = 0;
  From from;
  Instruction instruction;  // the FROM itself
  std::vector<Instruction> instructions;
  // Its name, or else its index: what COPY --from calls it.
  std::string display_name() const;
};

struct Warning {
  Position at;
  std::string message;
  std::string_view rule;  // what BuildKit's linter calls it ("MaintainerDeprecated"); of a literal
};

struct Dockerfile {
  Directives directives;
  std::vector<Instruction> arguments;  // the ARGs before the first FROM
  std::vector<Stage> stages;           // at least one
  std::vector<Warning> warnings;

  // By name (in any case) or number. Stages from `before` on do not count; the last of a name does.
  const Stage* find_stage(std::string_view name, std::size_t before) const;
};

// InvalidArgument: "<file_name>:<line>:<column>: sentence; hint".
Result<Dockerfile> parse(std::string_view text, std::string_view file_name, Diagnostic* problem = nullptr);

// One instruction alone: what ONBUILD has kept. FROM, MAINTAINER and ONBUILD are refused.
Result<Instruction> parse_trigger(std::string_view text);

}  // namespace gantry::dockerfile
