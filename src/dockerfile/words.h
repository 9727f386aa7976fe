// SPDX-License-Identifier: Apache-2.0
//
// A line taken apart: words as they are written, with quotes and escapes; flags; lists in JSON.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::dockerfile {

struct RawWord {
  std::string_view text;   // in the line
  std::size_t offset = 0;  // where
};

// At white space that is neither quoted nor escaped. A quote that is not closed goes to the end.
std::vector<RawWord> split_words(std::string_view line, char escape);

// Without quotes and escapes; variables stay as they are.
std::string unquoted(std::string_view word, char escape);

// ["a", "b"]: nothing if the text is no JSON array, or one with something other than strings in it.
std::optional<std::vector<std::string>> parse_json_strings(std::string_view text);

}  // namespace gantry::dockerfile
