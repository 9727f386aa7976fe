// SPDX-License-Identifier: Apache-2.0
//
// One pattern of paths (patterns.h says what it may hold), ready to be compared with many. Time is linear in
// the path and in the pattern, whatever both hold.
#pragma once

#include <bitset>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace gantry::dockerfile {

inline constexpr std::size_t kMaxPattern = 4096;  // bytes

class PathPattern {
 public:
  // InvalidArgument: a "[" that is not closed, a backslash at the end, too long.
  static Result<PathPattern> parse(std::string_view text);
  bool matches(std::string_view path) const;

 private:
  using Set = std::bitset<256>;
  enum class Kind : unsigned char {
    One,          // a byte out of a set
    Any,          // "*": bytes but "/"
    Everything,   // "**" at the end, or beside something else: any bytes
    Directories,  // "**/": nothing, or anything up to a "/"
  };
  struct Step {
    Kind kind = Kind::One;
    Set set;
  };
  using States = std::vector<bool>;  // the steps that may be next; the last stands for the end

  void add(unsigned char byte);
  static Result<Set> parse_set(std::string_view text, std::size_t& at);
  void enter(States& states, std::size_t step) const;
  void advance(const States& states, unsigned char byte, States& next) const;

  std::string literal_;  // what every match begins with; the steps follow
  std::vector<Step> steps_;
};

}  // namespace gantry::dockerfile
