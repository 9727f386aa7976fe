// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/logical_line.h"

#include <algorithm>

#include "base/trim.h"

namespace gantry::dockerfile {

std::string_view trimmed_left(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  return text;
}

Position LogicalLine::position(std::size_t offset) const {
  offset = std::min(offset, text_.size());
  Position at{lines_.first, 1};
  for (const Piece& piece : pieces_) {
    if (piece.offset > offset) break;
    at = {piece.at.line, piece.at.column + static_cast<unsigned>(offset - piece.offset)};
  }
  return at;
}

std::optional<std::string_view> LineReader::next_raw() {
  if (rest_.empty()) return std::nullopt;
  const std::size_t end = std::min(rest_.find('\n'), rest_.size());
  std::string_view line = rest_.substr(0, end);
  rest_.remove_prefix(std::min(end + 1, rest_.size()));
  ++line_;
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// Whether the line goes on in the next: takes the escape character away, and white space behind it. Two of
// them are one that is meant.
bool LineReader::take_continuation(std::string_view& line) const {
  std::string_view text = line;
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  if (!text.ends_with(escape_)) return false;
  text.remove_suffix(1);
  if (text.ends_with(escape_)) return false;
  line = text;
  return true;
}

std::optional<LogicalLine> LineReader::next() {
  LogicalLine logical;
  bool goes_on = false;
  while (true) {
    const unsigned number = line_;
    const auto raw = next_raw();
    if (!raw) break;  // also inside of a continued line: what there is counts
    std::string_view line = *raw;
    const std::string_view content = trimmed_left(line);
    if (content.starts_with('#')) continue;  // also between continued lines
    if (content.empty()) {
      if (goes_on && !logical.empty_continuation_) logical.empty_continuation_ = number;
      continue;
    }
    if (!goes_on) {
      line = content;
      logical.lines_.first = number;
    }
    const auto column = static_cast<unsigned>(line.data() - raw->data()) + 1;
    goes_on = take_continuation(line);
    logical.pieces_.push_back({logical.text_.size(), {number, column}});
    logical.text_ += line;
    logical.lines_.last = number;
    if (!goes_on) break;
  }
  if (trimmed(logical.text_).empty()) return std::nullopt;
  return logical;
}

}  // namespace gantry::dockerfile
