// SPDX-License-Identifier: Apache-2.0
#include "base/table.h"

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace gantry {
namespace {

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char byte) { return (static_cast<unsigned char>(byte) & 0xc0) != 0x80; }));
}

}  // namespace

std::string Table::text() const {
  constexpr std::size_t kGap = 3;
  std::vector<std::size_t> widths(rows_[0].size());
  for (const Row& row : rows_)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  std::size_t bytes = 0;  // at most, but for characters of several bytes
  for (const std::size_t width : widths) bytes += width + kGap;
  std::string text;
  text.reserve(bytes * rows_.size());
  for (const Row& row : rows_) {
    for (std::size_t i = 0; i + 1 < row.size(); ++i)
      text.append(row[i]).append(widths[i] + kGap - width_of(row[i]), ' ');
    text.append(row.back()).append("\n");
  }
  return text;
}

}  // namespace gantry
