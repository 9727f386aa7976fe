// SPDX-License-Identifier: Apache-2.0
//
// Here-documents of RUN, COPY and ADD: "<<EOF", "<<-EOF" and "<<'EOF'", with a number before as a shell has
// it ("3<<EOF").
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "dockerfile/instruction.h"
#include "dockerfile/logical_line.h"

namespace gantry::dockerfile {

struct HereMark {
  std::string name;
  bool expands = true;
  bool strips_tabs = false;
};

// What a whole word asks for; nothing if it is no here-document.
std::optional<HereMark> here_mark(std::string_view word, char escape);

// All that a line asks for, in order.
std::vector<HereMark> here_marks(std::string_view line, char escape);

// The document that begins with the reader's next line. InvalidArgument if its end is missing.
Result<HereDocument> read_here_document(const HereMark& mark, LineReader& reader);

}  // namespace gantry::dockerfile
