// SPDX-License-Identifier: Apache-2.0
//
// Texts without the white space around them; they point into what was given.
#pragma once

#include <cstddef>
#include <string_view>

namespace gantry {

inline constexpr std::string_view kWhiteSpace = " \t\r\n\v\f";

constexpr std::string_view trimmed(std::string_view text, std::string_view space = kWhiteSpace) {
  const std::size_t first = text.find_first_not_of(space);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(space) - first + 1);
}

}  // namespace gantry
