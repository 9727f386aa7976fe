// SPDX-License-Identifier: Apache-2.0
//
// excerpt() of position.h.
#include <algorithm>

#include <fmt/format.h>

#include "base/printable.h"
#include "dockerfile/logical_line.h"
#include "dockerfile/position.h"

namespace gantry::dockerfile {

namespace {

constexpr std::size_t kWidth = 200;  // bytes of a line

// What a terminal would obey, and what is no text, is a dot.
std::string shown(std::string_view line) {
  std::string text;
  while (!line.empty() && text.size() < kWidth) {
    const std::size_t size = utf8_length(line);
    const auto first = static_cast<unsigned char>(line.front());
    if (first == '\t')
      text += "    ";
    else if (size == 0 || first < 0x20 || first == 0x7f)
      text += '.';
    else
      text += line.substr(0, size);
    line.remove_prefix(size == 0 ? 1 : size);
  }
  return line.empty() ? text : text + "...";
}

}  // namespace

std::string excerpt(std::string_view text, LineRange lines) {
  constexpr unsigned kAround = 2, kMost = 20;  // lines
  const unsigned first = lines.first > kAround ? lines.first - kAround : 1;
  const unsigned last = std::min(lines.last, lines.first + kMost) + kAround;
  std::string result;
  LineReader reader(text);
  for (unsigned number = 1; number <= last; ++number) {
    const auto line = reader.next_raw();
    if (!line) break;
    if (number < first) continue;
    const bool is_meant = number >= lines.first && number <= lines.last;
    result += fmt::format("{:4} | {}{}\n", number, is_meant ? ">>> " : "    ", shown(*line));
  }
  return result;
}

}  // namespace gantry::dockerfile
