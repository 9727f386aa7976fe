// SPDX-License-Identifier: Apache-2.0
//
// Where something stands in a Dockerfile, and what is wrong there.
#pragma once

#include <string>
#include <string_view>

namespace gantry::dockerfile {

// Lines and columns count from 1; columns are bytes. 0: nowhere.
struct Position {
  unsigned line = 0;
  unsigned column = 0;
  friend bool operator==(const Position&, const Position&) = default;
};

struct LineRange {
  unsigned first = 0;
  unsigned last = 0;
  friend bool operator==(const LineRange&, const LineRange&) = default;
};

// What the error of parse() says, in parts: for who shows the place (excerpt()) or hands it on.
struct Diagnostic {
  Position at;
  std::string message;  // a sentence without the place
  std::string hint;     // what to write instead; may be empty
};

// The lines with up to two more before and after, each with its number, the ones meant marked by ">>>". Bytes
// that are not printable are shown as such, long lines are cut.
std::string excerpt(std::string_view text, LineRange lines);

}  // namespace gantry::dockerfile
