// SPDX-License-Identifier: Apache-2.0
//
// The words of an expression (langdef.md, "Syntax"), one after the other.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "kube/cel/syntax.h"

namespace gantry::kube::cel {

enum class Word : std::uint8_t { End, Name, Int, Uint, Double, String, Bytes, Sign };

struct Token {
  Word word = Word::End;
  std::string_view text;       // as it is written
  std::uint32_t position = 0;  // code points from the start
};

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  std::expected<Token, Issue> next();

 private:
  void skip_space();
  void advance(std::size_t bytes);
  Token take(Word word, std::size_t bytes);
  std::size_t number_size(Word* word) const;
  // 0 if no string starts here.
  std::size_t string_prefix(bool* is_raw, bool* is_bytes) const;
  std::expected<Token, Issue> string(std::size_t prefix, bool is_raw, bool is_bytes);

  std::string_view source_;
  std::size_t at_ = 0;
  std::uint32_t position_ = 0;
};

// What a string token means: prefix and quotes taken off, escapes resolved. The issue is at the token's
// place.
std::expected<std::string, Issue> unquote(const Token& token);

}  // namespace gantry::kube::cel
