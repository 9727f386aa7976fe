// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/expansion.h"

#include <utility>

#include "base/printable.h"
#include "dockerfile/logical_line.h"
#include "dockerfile/shell_pattern.h"

namespace gantry::dockerfile {
namespace {

constexpr int kMaxNesting = 32;  // of ${a:-${b:-…}}

bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_byte(char c) { return is_name_start(c) || is_digit(c); }
// "$@" and the like name what a Dockerfile does not have.
bool is_special(char c) { return std::string_view("@*#?-$!").find(c) != std::string_view::npos; }

// What comes out: one text, and the same as words.
class Output {
 public:
  void add(char c) {
    text_ += c;
    word_ += c;
    has_word_ = true;
  }
  // Unquoted text, whose white space separates words.
  void add_splitting(std::string_view text) {
    for (const char c : text) {
      if (is_space(c)) {
        text_ += c;
        end_word();
      } else {
        add(c);
      }
    }
  }
  void add_quoted(std::string_view text) {
    has_word_ = true;
    for (const char c : text) add(c);
  }
  void end_word() {
    if (has_word_) words_.push_back(std::exchange(word_, {}));
    has_word_ = false;
  }
  std::size_t size() const { return text_.size(); }
  std::string& text() { return text_; }
  std::vector<std::string>& words() { return words_; }

 private:
  std::string text_, word_;
  std::vector<std::string> words_;
  bool has_word_ = false;
};

class Expander {
 public:
  Expander(std::string_view text, const Lookup& lookup, const ExpandOptions& options)
      : text_(text), lookup_(lookup), options_(options) {}

  Result<Output> run() {
    Output output;
    TRY(until('\0', output));
    output.end_word();
    return output;
  }

 private:
  bool is_end() const { return at_ >= text_.size(); }
  char peek() const { return is_end() ? '\0' : text_[at_]; }

  // Up to `stop`, which is left where it is; '\0': to the end.
  Result<void> until(char stop, Output& out) {
    while (!is_end()) {
      const char c = peek();
      if (c == stop && stop != '\0') return {};
      if (out.size() > kMaxExpansion)
        return error(Code::InvalidArgument, "a word becomes longer than {} bytes", kMaxExpansion);
      if (c == '$') {
        out.add_splitting(TRY(variable()));
      } else if (c == options_.escape) {
        escaped(out);
      } else if (c == '\'' && !options_.keeps_quotes) {
        TRY(single_quoted(out));
      } else if (c == '"' && !options_.keeps_quotes) {
        TRY(double_quoted(out));
      } else {
        out.add_splitting(text_.substr(at_++, 1));
      }
    }
    if (stop != '\0') return error(Code::InvalidArgument, "'{}' is missing in '{}'", stop, printable(text_));
    return {};
  }

  void escaped(Output& out) {
    ++at_;
    const char next = peek();
    // As a shell does it in a here-document: only what would have a meaning needs the escape.
    const bool is_kept = options_.keeps_quotes && next != '$' && next != options_.escape;
    if (is_kept) return out.add(options_.escape);
    if (!is_end()) out.add(text_[at_++]);
  }

  Result<void> single_quoted(Output& out) {
    const std::size_t end = text_.find('\'', at_ + 1);
    if (end == text_.npos) return unclosed('\'');
    out.add_quoted(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return {};
  }

  Result<void> double_quoted(Output& out) {
    ++at_;
    out.add_quoted({});  // "" is a word, too
    while (!is_end() && peek() != '"') {
      const char c = peek();
      if (c == '$') {
        out.add_quoted(TRY(variable()));
      } else if (c == options_.escape && at_ + 1 < text_.size()) {
        const char next = text_[at_ + 1];
        if (next != '"' && next != '$' && next != options_.escape) out.add(c);
        out.add(next);
        at_ += 2;
      } else {
        out.add(c);
        ++at_;
      }
    }
    if (is_end()) return unclosed('"');
    ++at_;
    return {};
  }

  Result<void> unclosed(char quote) const {
    return error(Code::InvalidArgument, "the quote {} is not closed in {}", quote, printable(text_));
  }

  std::string_view name() {
    const std::size_t begin = at_;
    if (is_name_start(peek())) {
      while (is_name_byte(peek())) ++at_;
    } else if (is_digit(peek())) {
      while (is_digit(peek())) ++at_;
    } else if (is_special(peek()) && !is_end()) {
      ++at_;
    }
    return text_.substr(begin, at_ - begin);
  }

  Result<std::string> variable() {
    ++at_;  // '$'
    if (peek() == '{') return braced();
    if (is_end() || (!is_name_byte(peek()) && !is_special(peek()))) return std::string("$");
    return lookup_(name()).value_or("");
  }

  Result<std::string> braced() {
    if (++depth_ > kMaxNesting)
      return error(Code::InvalidArgument, "more than {} '${{' inside each other", kMaxNesting);
    ++at_;  // '{'
    const std::string_view variable = name();
    if (variable.empty()) return bad_substitution();
    std::string value = TRY(modified(variable, lookup_(variable)));
    if (peek() != '}') return bad_substitution();
    ++at_;
    --depth_;
    return value;
  }

  Error bad_substitution() const {
    return error(Code::InvalidArgument,
                 "'{}' is no substitution: ${{name}}, ${{name:-word}}, ${{name:+word}}, ${{name:?word}}, "
                 "${{name#pattern}}, ${{name%pattern}} and ${{name/pattern/text}} are",
                 printable(text_));
  }

  // What follows the name, up to the "}".
  Result<std::string> modified(std::string_view variable, std::optional<std::string> value) {
    if (peek() == '}') return value.value_or("");
    const bool has_colon = peek() == ':';
    if (has_colon) ++at_;
    if (is_end()) return bad_substitution();
    const char operation = text_[at_++];
    const bool is_set = value && !(has_colon && value->empty());
    switch (operation) {
      case '-': {
        std::string word = TRY(nested('}'));
        return is_set ? *value : word;
      }
      case '+': {
        std::string word = TRY(nested('}'));
        return is_set ? word : std::string();
      }
      case '?': {
        const std::string word = TRY(nested('}'));
        if (is_set) return *value;
        return error(Code::InvalidArgument, "{}: {}", variable, word.empty() ? "it is not set" : word);
      }
      case '#':
      case '%':
      case '/': return has_colon ? bad_substitution() : matched(operation, value.value_or(""));
      default: return bad_substitution();
    }
  }

  Result<std::string> matched(char operation, const std::string& value) {
    const bool is_doubled = peek() == operation;
    if (is_doubled) ++at_;
    const ShellPattern pattern(TRY(raw(operation == '/' ? '/' : '}')));
    std::string replacement;
    if (operation == '/' && peek() == '/') {
      ++at_;
      replacement = TRY(nested('}'));
    }
    if (value.size() > ShellPattern::kMaxText)
      return error(Code::InvalidArgument,
                   "a value of {} bytes is too long to look for a pattern in: {} are the most", value.size(),
                   ShellPattern::kMaxText);
    const auto extent = is_doubled ? ShellPattern::Extent::Longest : ShellPattern::Extent::Shortest;
    if (operation == '#') return value.substr(pattern.match_at_begin(value, extent).value_or(0));
    if (operation == '%') return value.substr(0, pattern.match_at_end(value, extent).value_or(value.size()));
    return pattern.replace(value, replacement,
                           is_doubled ? ShellPattern::Which::Every : ShellPattern::Which::First);
  }

  Result<std::string> nested(char stop) {
    Output out;
    TRY(until(stop, out));
    return std::move(out.text());
  }

  // A pattern: its variables are expanded, its escapes stay for it. It also ends at the closing brace.
  Result<std::string> raw(char stop) {
    std::string pattern;
    while (!is_end() && peek() != stop && peek() != '}') {
      if (peek() == '$') {
        pattern += TRY(variable());
      } else if (peek() == options_.escape && at_ + 1 < text_.size()) {
        pattern.append("\\").append(text_.substr(at_ + 1, 1));
        at_ += 2;
      } else {
        pattern += text_[at_++];
      }
    }
    return pattern;
  }

  std::string_view text_;
  const Lookup& lookup_;
  const ExpandOptions& options_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

Result<std::string> expand(std::string_view word, const Lookup& lookup, const ExpandOptions& options) {
  return std::move(TRY(Expander(word, lookup, options).run()).text());
}

Result<std::vector<std::string>> expand_to_words(std::string_view word, const Lookup& lookup,
                                                 const ExpandOptions& options) {
  return std::move(TRY(Expander(word, lookup, options).run()).words());
}

}  // namespace gantry::dockerfile
