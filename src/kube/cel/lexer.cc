// SPDX-License-Identifier: Apache-2.0
#include "kube/cel/lexer.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "kube/cel/utf8.h"

namespace gantry::kube::cel {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_name(char c) { return is_name_start(c) || is_digit(c); }

// The longest first.
constexpr std::string_view kSigns[] = {"==", "!=", "<=", ">=", "&&", "||", "[", "]", "{", "}", "(", ")",
                                       ".",  ",",  "-",  "!",  "?",  ":",  "+", "*", "/", "%", "<", ">"};

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  return (c | 0x20) - 'a' + 10;
}

}  // namespace

void Lexer::advance(std::size_t bytes) {
  position_ += static_cast<std::uint32_t>(count_code_points(source_.substr(at_, bytes)));
  at_ += bytes;
}

void Lexer::skip_space() {
  while (at_ < source_.size()) {
    if (std::string_view(" \t\n\r\f").find(source_[at_]) != std::string_view::npos) {
      advance(1);
    } else if (source_.substr(at_).starts_with("//")) {
      const std::size_t end = source_.find('\n', at_);
      advance((end == std::string_view::npos ? source_.size() : end) - at_);
    } else {
      return;
    }
  }
}

Token Lexer::take(Word word, std::size_t bytes) {
  const Token token{.word = word, .text = source_.substr(at_, bytes), .position = position_};
  advance(bytes);
  return token;
}

std::expected<Token, Issue> Lexer::next() {
  skip_space();
  const std::string_view rest = source_.substr(at_);
  if (rest.empty()) return take(Word::End, 0);
  bool is_raw = false;
  bool is_bytes = false;
  if (const std::size_t prefix = string_prefix(&is_raw, &is_bytes); prefix != std::string_view::npos)
    return string(prefix, is_raw, is_bytes);
  if (is_name_start(rest.front())) {
    std::size_t size = 1;
    while (size < rest.size() && is_name(rest[size])) ++size;
    return take(Word::Name, size);
  }
  Word word = Word::Int;
  if (const std::size_t size = number_size(&word); size > 0) return take(word, size);
  for (const std::string_view sign : kSigns)
    if (rest.starts_with(sign)) return take(Word::Sign, sign.size());
  const std::string_view wrong = rest.substr(0, code_point_size(rest));
  return std::unexpected(
      Issue{position_, fmt::format("Syntax error: token recognition error at: '{}'", wrong)});
}

std::size_t Lexer::number_size(Word* word) const {
  const std::string_view rest = source_.substr(at_);
  std::size_t size = 0;
  const auto skip_digits = [&] {
    const std::size_t before = size;
    while (size < rest.size() && is_digit(rest[size])) ++size;
    return size > before;
  };
  const auto take_unsigned_mark = [&] {
    if (size < rest.size() && (rest[size] == 'u' || rest[size] == 'U')) {
      *word = Word::Uint;
      ++size;
    }
    return size;
  };
  *word = Word::Int;
  if (rest.starts_with("0x") && rest.size() > 2 && is_hex(rest[2])) {
    size = 2;
    while (size < rest.size() && is_hex(rest[size])) ++size;
    return take_unsigned_mark();
  }
  const bool has_whole = skip_digits();
  if (size + 1 < rest.size() && rest[size] == '.' && is_digit(rest[size + 1])) {
    ++size;
    skip_digits();
    *word = Word::Double;
  } else if (!has_whole) {
    return 0;
  }
  if (size < rest.size() && (rest[size] == 'e' || rest[size] == 'E')) {
    const std::size_t before = size;
    ++size;
    if (size < rest.size() && (rest[size] == '+' || rest[size] == '-')) ++size;
    if (skip_digits())
      *word = Word::Double;
    else
      size = before;
  }
  return *word == Word::Double ? size : take_unsigned_mark();
}

std::size_t Lexer::string_prefix(bool* is_raw, bool* is_bytes) const {
  const std::string_view rest = source_.substr(at_);
  std::size_t size = 0;
  while (size < 2 && size < rest.size()) {
    const char c = static_cast<char>(rest[size] | 0x20);
    if (c == 'r' && !*is_raw)
      *is_raw = true;
    else if (c == 'b' && !*is_bytes)
      *is_bytes = true;
    else
      break;
    ++size;
  }
  return size < rest.size() && (rest[size] == '"' || rest[size] == '\'') ? size : std::string_view::npos;
}

std::expected<Token, Issue> Lexer::string(std::size_t prefix, bool is_raw, bool is_bytes) {
  const std::string_view rest = source_.substr(at_);
  const char quote = rest[prefix];
  const bool is_triple = rest.substr(prefix).starts_with(std::string(3, quote));
  const std::string end(is_triple ? 3 : 1, quote);
  std::size_t at = prefix + end.size();
  while (at < rest.size() && !rest.substr(at).starts_with(end)) {
    if (!is_triple && (rest[at] == '\n' || rest[at] == '\r')) break;
    at += rest[at] == '\\' && !is_raw ? 2 : 1;
  }
  if (at >= rest.size() || !rest.substr(at).starts_with(end)) {
    const std::string_view seen = rest.substr(0, std::min(at, rest.size()));
    return std::unexpected(
        Issue{position_, fmt::format("Syntax error: token recognition error at: '{}'", seen)});
  }
  return take(is_bytes ? Word::Bytes : Word::String, at + end.size());
}

namespace {

// Escapes of one literal, left to right.
class Unescape {
 public:
  Unescape(std::string_view text, bool is_bytes) : rest_(text), is_bytes_(is_bytes) {}

  std::optional<std::string> run() {
    while (!rest_.empty()) {
      if (rest_.front() != '\\') {
        out_ += rest_.front();
        rest_.remove_prefix(1);
      } else if (!escape()) {
        return {};
      }
    }
    return std::move(out_);
  }

 private:
  bool escape() {
    if (rest_.size() < 2) return false;
    const char c = rest_[1];
    rest_.remove_prefix(2);
    constexpr std::string_view kNames = "abfnrtv\\'\"`?";
    constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\'\"`?";
    if (const std::size_t at = kNames.find(c); at != std::string_view::npos) {
      out_ += kMeanings[at];
      return true;
    }
    if (c == 'x' || c == 'X') return digits(2, 16);
    if (c == 'u') return !is_bytes_ && digits(4, 16);
    if (c == 'U') return !is_bytes_ && digits(8, 16);
    if (c >= '0' && c <= '3') {
      rest_ = {rest_.data() - 1, rest_.size() + 1};
      return digits(3, 8);
    }
    return false;
  }

  bool digits(std::size_t count, unsigned base) {
    if (rest_.size() < count) return false;
    std::uint32_t value = 0;
    for (const char c : rest_.substr(0, count)) {
      if (!is_hex(c) || static_cast<unsigned>(hex_value(c)) >= base) return false;
      value = value * base + static_cast<unsigned>(hex_value(c));
    }
    rest_.remove_prefix(count);
    if (is_bytes_) {
      out_ += static_cast<char>(value);
      return true;
    }
    if (value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) return false;
    append_code_point(out_, value);
    return true;
  }

  std::string_view rest_;
  bool is_bytes_;
  std::string out_;
};

}  // namespace

std::expected<std::string, Issue> unquote(const Token& token) {
  std::string_view text = token.text;
  bool is_raw = false;
  while (text.front() != '"' && text.front() != '\'') {
    is_raw = is_raw || text.front() == 'r' || text.front() == 'R';
    text.remove_prefix(1);
  }
  const std::size_t quotes = text.size() >= 6 && text.substr(0, 3) == std::string(3, text.front()) ? 3 : 1;
  text = text.substr(quotes, text.size() - 2 * quotes);
  if (is_raw) return std::string(text);
  if (auto value = Unescape(text, token.word == Word::Bytes).run()) return std::move(*value);
  return std::unexpected(
      Issue{token.position, token.word == Word::Bytes ? "invalid bytes literal" : "invalid string literal"});
}

}  // namespace gantry::kube::cel
