// SPDX-License-Identifier: Apache-2.0
//
// excerpt() of position.h.
#include <algorithm>

#include <fmt/format.h>

#include "base/printable.h"
#include "dockerfile/logical_line.h"
#include "dockerfile/position.h"

namespace gantry::dockerfile {

std::string excerpt(std::string_view text, LineRange lines) {
  constexpr unsigned kAround = 2, kMost = 20;  // lines
  constexpr std::size_t kWidth = 200;          // bytes
  const unsigned first = lines.first > kAround ? lines.first - kAround : 1;
  const unsigned last = std::min(lines.last, lines.first + kMost) + kAround;
  std::string result;
  LineReader reader(text);
  for (unsigned number = 1; number <= last; ++number) {
    const auto line = reader.next_raw();
    if (!line) break;
    if (number < first) continue;
    const bool is_meant = number >= lines.first && number <= lines.last;
    std::string shown;
    for (const char c : line->substr(0, kWidth))
      shown += c == '\t'                                           ? "    "
               : static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? "."
                                                                   : std::string(1, c);
    result += fmt::format("{:4} | {}{}{}\n", number, is_meant ? ">>> " : "    ", shown,
                          line->size() > kWidth ? "..." : "");
  }
  return result;
}

}  // namespace gantry::dockerfile
