// SPDX-License-Identifier: Apache-2.0
//
// From lines to instructions' lines: comments and empty lines go, lines that end in the escape character are
// joined. A joined line still knows where each of its bytes was written.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dockerfile/position.h"

namespace gantry::dockerfile {

class LogicalLine {
 public:
  const std::string& text() const { return text_; }
  // Of the byte at `offset`; of what is past the end: behind the last one.
  Position position(std::size_t offset) const;
  LineRange lines() const { return lines_; }
  // A continued line had an empty one in it, which shells and people take for its end.
  std::optional<unsigned> empty_continuation() const { return empty_continuation_; }

 private:
  friend class LineReader;
  struct Piece {
    std::size_t offset;  // in text_
    Position at;
  };
  std::string text_;
  std::vector<Piece> pieces_;
  LineRange lines_;
  std::optional<unsigned> empty_continuation_;
};

class LineReader {
 public:
  // Borrows the text. "\r\n" ends a line as "\n" does.
  explicit LineReader(std::string_view text) : rest_(text) {}

  void set_escape(char escape) { escape_ = escape; }
  // The number of the line that comes next.
  unsigned line() const { return line_; }

  // The next line as it is, without its end; nothing at the end of the file.
  std::optional<std::string_view> next_raw();
  // The next line that is neither empty nor a comment, with those that it goes on in.
  std::optional<LogicalLine> next();

 private:
  bool take_continuation(std::string_view& line) const;

  std::string_view rest_;
  unsigned line_ = 1;
  char escape_ = '\\';
};

// White space as Dockerfiles know it, and without it at both ends.
inline bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
std::string_view trimmed_left(std::string_view text);

}  // namespace gantry::dockerfile
