// SPDX-License-Identifier: Apache-2.0
#include "oci/distribution/challenge.h"

#include <algorithm>

#include "base/lower_case.h"
#include "base/printable.h"

namespace gantry::oci {
namespace {

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// tchar and token68 of RFC 9110, sections 5.6.2 and 11.2.
bool is_token_char(char c) {
  return is_alphanumeric(c) ||
         (c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos);
}
bool is_token68_char(char c) {
  return is_alphanumeric(c) || (c != '\0' && std::string_view("-._~+/").find(c) != std::string_view::npos);
}

class Parser {
 public:
  explicit Parser(std::string_view text) : all_(text), rest_(text) {}

  // A list in which commas stand between challenges and between the parameters of one alike: a word with '='
  // behind it is a parameter of the challenge before it, every other word begins a new one.
  Result<std::vector<Challenge>> parse() {
    std::vector<Challenge> challenges;
    for (;;) {
      skip(" \t,");
      if (rest_.empty()) return challenges;
      const std::string_view word = take(is_token_char);
      if (word.empty()) return refuse("expected a word");
      if (at_equals_sign()) {
        if (challenges.empty()) return refuse("a parameter stands before any scheme");
        TRY(parameter(challenges.back(), word));
      } else {
        TRY(scheme(challenges, word));
      }
      skip(" \t");
      if (!rest_.empty() && rest_.front() != ',') return refuse("expected a comma");
    }
  }

 private:
  Result<void> scheme(std::vector<Challenge>& challenges, std::string_view word) {
    Challenge& challenge = challenges.emplace_back(Challenge{.scheme = in_lower_case(word)});
    const bool has_space = skip(" \t");
    if (rest_.empty() || rest_.front() == ',') return {};
    if (!has_space) return refuse("expected a space behind the scheme");
    if (const std::string_view token = token68(); !token.empty()) {
      challenge.token68 = token;
      return {};
    }
    const std::string_view name = take(is_token_char);
    if (name.empty() || !at_equals_sign()) return refuse("expected a parameter");
    return parameter(challenge, name);
  }

  // Behind the '=' of `name`.
  Result<void> parameter(Challenge& challenge, std::string_view name) {
    if (!challenge.token68.empty()) return refuse("a parameter stands behind a token");
    skip(" \t");
    std::string key = in_lower_case(name);
    if (challenge.parameter(key) != nullptr) return refuse("a parameter is there twice");
    std::string value;
    if (rest_.starts_with('"')) {
      value = TRY(quoted());
    } else {
      value = take(is_token_char);
      if (value.empty()) return refuse("a parameter has no value");
    }
    challenge.parameters.emplace_back(std::move(key), std::move(value));
    return {};
  }

  Result<std::string> quoted() {
    std::string value;
    for (std::size_t i = 1; i < rest_.size(); ++i) {
      char c = rest_[i];
      if (c == '"') {
        rest_.remove_prefix(i + 1);
        return value;
      }
      if (c == '\\') {
        if (++i == rest_.size()) break;
        c = rest_[i];
      }
      if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f)
        return refuse("a control character");
      value += c;
    }
    return refuse("a quote is not closed");
  }

  // Takes it only where nothing but a comma can follow, so that "realm=x" is not one.
  std::string_view token68() {
    std::size_t end = 0;
    while (end < rest_.size() && is_token68_char(rest_[end])) ++end;
    if (end == 0) return {};
    while (end < rest_.size() && rest_[end] == '=') ++end;
    const std::size_t next = rest_.find_first_not_of(" \t", end);
    if (next != std::string_view::npos && rest_[next] != ',') return {};
    const std::string_view token = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return token;
  }

  // Takes the '=' too, with the space that old grammars allow before it; leaves all as it is where there is
  // none.
  bool at_equals_sign() {
    const std::size_t next = rest_.find_first_not_of(" \t");
    if (next == std::string_view::npos || rest_[next] != '=') return false;
    rest_.remove_prefix(next + 1);
    return true;
  }

  std::string_view take(bool (*belongs)(char)) {
    const auto end = static_cast<std::size_t>(std::ranges::find_if_not(rest_, belongs) - rest_.begin());
    const std::string_view taken = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return taken;
  }

  bool skip(std::string_view characters) {
    const std::size_t count = std::min(rest_.find_first_not_of(characters), rest_.size());
    rest_.remove_prefix(count);
    return count > 0;
  }

  Error refuse(std::string_view reason) const {
    return error(Code::InvalidArgument, "authentication challenge '{}': {} at byte {}", printable(all_),
                 reason, all_.size() - rest_.size());
  }

  const std::string_view all_;
  std::string_view rest_;
};

}  // namespace

const std::string* Challenge::parameter(std::string_view name) const {
  for (const auto& [key, value] : parameters)
    if (key == name) return &value;
  return nullptr;
}

Result<std::vector<Challenge>> parse_challenges(std::string_view header) {
  if (header.size() > kMaxChallengeBytes)
    return error(Code::InvalidArgument, "the authentication challenge has {} bytes, more than the {} allowed",
                 header.size(), kMaxChallengeBytes);
  return Parser(header).parse();
}

std::string to_header(const Challenge& challenge) {
  std::string text = challenge.scheme;
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  if (!challenge.token68.empty()) return text + ' ' + challenge.token68;
  for (const auto& [key, value] : challenge.parameters) {
    text += &key == &challenge.parameters.front().first ? " " : ",";
    text += key;
    text += "=\"";
    for (const char c : value) {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
    text += '"';
  }
  return text;
}

}  // namespace gantry::oci
