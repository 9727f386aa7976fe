// SPDX-License-Identifier: Apache-2.0
//
// From a statement to an instruction: one function an instruction. A function takes its flags, then what is
// left of the line.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "dockerfile/instruction.h"
#include "dockerfile/logical_line.h"
#include "dockerfile/statement.h"

namespace gantry::dockerfile {

// The lines of `reader` behind the statement are those of its here-documents.
Result<Instruction> parse_instruction(const LogicalLine& line, LineReader& reader, char escape,
                                      Problems& problems);

// run_parser.cc, copy_parser.cc. `documents` are those that the line asks for.
Result<Run> parse_run(Statement& statement, std::vector<HereDocument> documents);
Result<Copy> parse_copy(Statement& statement, std::vector<HereDocument> documents);

// What RUN, CMD and ENTRYPOINT have in common.
CommandLine parse_command_line(Statement& statement, std::string_view text);

}  // namespace gantry::dockerfile
