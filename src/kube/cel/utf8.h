// SPDX-License-Identifier: Apache-2.0
//
// Code points of UTF-8: what the language's strings are made of. Bytes that are none count as one code point
// each, U+FFFD.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::kube::cel {

// Of the first code point, in bytes; 0 of an empty text.
std::size_t code_point_size(std::string_view text);
std::size_t count_code_points(std::string_view text);
// Takes the first code point off; `text` is not empty.
std::uint32_t take_code_point(std::string_view& text);
void append_code_point(std::string& text, std::uint32_t code_point);
// Of the code point with that number, in bytes; the text's size if there are fewer.
std::size_t byte_offset(std::string_view text, std::size_t code_points);
bool is_utf8(std::string_view text);

}  // namespace gantry::kube::cel
