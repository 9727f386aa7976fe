// SPDX-License-Identifier: Apache-2.0
//
// Lists of small numbers as the kernel writes and reads them for CPUs and
// memory nodes: "0-3,7" (cpuset(7), "List format").
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace gantry {

// In the list's order. Blanks and an end of line are passed over, nothing at all is an empty list. Anything
// else that is not such a list, a range that runs backwards too, is InvalidArgument.
Result<std::vector<std::uint16_t>> parse_number_list(std::string_view text);

// The same as a bit mask, lowest number first, as long as it needs to be.
template <class Word>
std::vector<Word> as_bit_mask(const std::vector<std::uint16_t>& numbers) {
  constexpr unsigned kBits = 8 * sizeof(Word);
  std::vector<Word> mask;
  for (const std::uint16_t number : numbers) {
    if (mask.size() <= number / kBits) mask.resize(number / kBits + 1);
    mask[number / kBits] |= static_cast<Word>(Word{1} << number % kBits);
  }
  return mask;
}

}  // namespace gantry
