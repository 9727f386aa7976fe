// SPDX-License-Identifier: Apache-2.0
//
// Patterns of ${name#pattern} and its kin: "*" is any text, "?" any byte, a backslash takes the next byte as
// it is (POSIX.1-2017, Shell Command Language, 2.6.2).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::dockerfile {

class ShellPattern {
 public:
  // Looking for a pattern takes time with the square of the text.
  static constexpr std::size_t kMaxText = 4096;  // bytes

  enum class Extent : unsigned char { Shortest, Longest };
  enum class Which : unsigned char { First, Every };

  explicit ShellPattern(std::string_view text);

  // Where a match that begins at the text's beginning ends.
  std::optional<std::size_t> match_at_begin(std::string_view text, Extent extent) const;
  // Where a match that ends at the text's end begins.
  std::optional<std::size_t> match_at_end(std::string_view text, Extent extent) const;
  std::string replace(std::string_view text, std::string_view replacement, Which which) const;

 private:
  struct Step {
    enum class Kind : unsigned char { Byte, AnyByte, AnyText } kind = Kind::Byte;
    char byte = 0;
  };
  std::vector<Step> steps_;
};

}  // namespace gantry::dockerfile
