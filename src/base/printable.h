// SPDX-License-Identifier: Apache-2.0
//
// Foreign text in our own sentences: on one line, of bounded length, without
// bytes that a terminal or a log reader would obey.
//
//   error(Code::InvalidArgument, "unknown word '{}'", printable(word));
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gantry {

// Control characters, quotes and bytes that are not UTF-8 as "\n", "\'", "\x1b"; what is longer than `limit`
// bytes is cut and ends in "...".
std::string printable(std::string_view text, std::size_t limit = 80);

// The number of bytes, 1 to 4, of the well-formed UTF-8 character that `text` begins with; 0 if it begins
// with none (RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF).
std::size_t utf8_length(std::string_view text);

}  // namespace gantry
