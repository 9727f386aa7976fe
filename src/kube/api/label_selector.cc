// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/printable.h"
#include "kube/api/names.h"
#include "kube/api/selector.h"

namespace gantry::kube {
namespace {

using Operator = LabelSelector::Operator;
using Requirement = LabelSelector::Requirement;

constexpr std::size_t kTextSize = 64 << 10;

struct Spelling {
  Operator op;
  std::string_view in_text;
  std::string_view in_tree;  // empty: only in text
};
constexpr Spelling kSpellings[] = {
    {Operator::Equals, "=", ""},      {Operator::NotEquals, "!=", ""},
    {Operator::In, " in ", "In"},     {Operator::NotIn, " notin ", "NotIn"},
    {Operator::Exists, "", "Exists"}, {Operator::DoesNotExist, "!", "DoesNotExist"},
    {Operator::GreaterThan, ">", ""}, {Operator::LessThan, "<", ""},
};

bool takes_set(Operator op) { return op == Operator::In || op == Operator::NotIn; }
bool takes_nothing(Operator op) { return op == Operator::Exists || op == Operator::DoesNotExist; }
bool takes_integer(Operator op) { return op == Operator::GreaterThan || op == Operator::LessThan; }

std::optional<std::int64_t> integer(std::string_view text) {
  std::int64_t value = 0;
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Status invalid_value(std::string_view value, std::string_view why) {
  return bad_request(
      fmt::format("unable to parse requirement: Invalid value: \"{}\": {}", printable(value, 300), why));
}

// The requirement, if it says something that can be.
Answer<Requirement> checked(Requirement requirement) {
  if (const Faults faults = label_key_faults(requirement.key); !faults.empty())
    return invalid_value(requirement.key, fmt::format("{}", fmt::join(faults, "; ")));
  if (takes_set(requirement.op) && requirement.values.empty())
    return invalid_value("", "for 'in', 'notin' operators, values set can't be empty");
  if (takes_nothing(requirement.op) && !requirement.values.empty())
    return invalid_value(requirement.values.front(),
                         "values set must be empty for exists and does not exist");
  for (const std::string& value : requirement.values) {
    if (const Faults faults = label_value_faults(value); !faults.empty())
      return invalid_value(value, fmt::format("{}", fmt::join(faults, "; ")));
    if (takes_integer(requirement.op) && !integer(value))
      return invalid_value(value, "for 'Gt', 'Lt' operators, the value must be an integer");
  }
  std::ranges::sort(requirement.values);
  requirement.values.erase(std::ranges::unique(requirement.values).begin(), requirement.values.end());
  return requirement;
}

struct Token {
  // Marks are "=", "==", "!=", "!", "<", ">", "(", ")", ",".
  enum class Kind : std::uint8_t { End, Word, Mark } kind = Kind::End;
  std::string_view text;

  bool is_mark(std::string_view mark) const { return kind == Kind::Mark && text == mark; }
  bool is_word() const { return kind == Kind::Word; }
  bool ends_requirement() const { return kind == Kind::End || is_mark(","); }
};

class Lexer {
 public:
  explicit Lexer(std::string_view text) : rest_(text) { take(); }

  const Token& next() const { return next_; }
  Token take() {
    const Token taken = next_;
    next_ = read();
    return taken;
  }

 private:
  static constexpr std::string_view kSpace = " \t\r\n";
  static constexpr std::string_view kWordEnd = " \t\r\n=!(),><";

  Token read() {
    const std::size_t start = rest_.find_first_not_of(kSpace);
    if (start == std::string_view::npos) return {};
    rest_.remove_prefix(start);
    const std::size_t word = std::min(rest_.find_first_of(kWordEnd), rest_.size());
    if (word > 0) return cut(Token::Kind::Word, word);
    const bool is_double = rest_.starts_with("==") || rest_.starts_with("!=");
    return cut(Token::Kind::Mark, is_double ? 2 : 1);
  }
  Token cut(Token::Kind kind, std::size_t size) {
    const Token token{kind, rest_.substr(0, size)};
    rest_.remove_prefix(size);
    return token;
  }

  std::string_view rest_;
  Token next_;
};

Status unexpected(const Token& token, std::string_view expected) {
  return bad_request(fmt::format("unable to parse requirement: found '{}', expected: {}",
                                 printable(token.text, 300), expected));
}

std::optional<Operator> binary_operator(const Token& token) {
  constexpr std::pair<std::string_view, Operator> kOperators[] = {
      {"=", Operator::Equals},   {"==", Operator::Equals},   {"!=", Operator::NotEquals},
      {"in", Operator::In},      {"notin", Operator::NotIn}, {">", Operator::GreaterThan},
      {"<", Operator::LessThan},
  };
  for (const auto& [text, op] : kOperators)
    if (token.text == text) return op;
  return std::nullopt;
}

// "(a, b,,c)": of two commas, and of a comma and a bracket, there is an empty value between.
Answer<std::vector<std::string>> read_set(Lexer& lexer) {
  if (const Token open = lexer.take(); !open.is_mark("(")) return unexpected(open, "'('");
  std::vector<std::string> values;
  while (true) {
    values.emplace_back(lexer.next().is_word() ? lexer.take().text : std::string_view());
    const Token after = lexer.take();
    if (after.is_mark(")")) return values;
    if (!after.is_mark(",")) return unexpected(after, "',' or ')'");
  }
}

Answer<std::vector<std::string>> read_value(Lexer& lexer) {
  if (lexer.next().ends_requirement()) return std::vector<std::string>{""};
  const Token value = lexer.take();
  if (!value.is_word()) return unexpected(value, "identifier");
  return std::vector<std::string>{std::string(value.text)};
}

Answer<Requirement> read_requirement(Lexer& lexer) {
  const bool is_negated = lexer.next().is_mark("!");
  if (is_negated) lexer.take();
  const Token key = lexer.take();
  if (!key.is_word()) return unexpected(key, is_negated ? "identifier" : "!, identifier, or 'end of string'");
  Requirement requirement{.key = std::string(key.text)};
  if (is_negated || lexer.next().ends_requirement()) {
    requirement.op = is_negated ? Operator::DoesNotExist : Operator::Exists;
    return checked(std::move(requirement));
  }
  const Token op = lexer.take();
  const auto known = binary_operator(op);
  if (!known) return unexpected(op, "in, notin, =, ==, !=, >, <");
  requirement.op = *known;
  requirement.values = TRY(takes_set(*known) ? read_set(lexer) : read_value(lexer));
  return checked(std::move(requirement));
}

Answer<Requirement> requirement_of(const json::Tree& expression) {
  Requirement requirement{.key = std::string(expression.text_at("key"))};
  const std::string_view op = expression.text_at("operator");
  const auto* known = std::ranges::find(kSpellings, op, &Spelling::in_tree);
  if (op.empty() || known == std::end(kSpellings))
    return bad_request(fmt::format("\"{}\" is not a valid label selector operator", printable(op)));
  requirement.op = known->op;
  if (const json::Tree* values = expression.find("values"))
    for (const json::Tree& value : values->array()) requirement.values.emplace_back(value.as_string());
  return checked(std::move(requirement));
}

}  // namespace

bool LabelSelector::Requirement::is_met_by(std::optional<std::string_view> value) const {
  const auto is_one = [&] { return value && std::ranges::find(values, *value) != values.end(); };
  switch (op) {
    case Operator::Equals:
    case Operator::In: return is_one();
    case Operator::NotEquals:
    case Operator::NotIn: return !is_one();
    case Operator::Exists: return value.has_value();
    case Operator::DoesNotExist: return !value;
    case Operator::GreaterThan:
    case Operator::LessThan: break;
  }
  const auto number = value ? integer(*value) : std::nullopt;
  if (!number) return false;
  return op == Operator::GreaterThan ? *number > *integer(values.front())
                                     : *number < *integer(values.front());
}

Answer<LabelSelector> LabelSelector::parse(std::string_view text) {
  if (text.size() > kTextSize) return bad_request("label selector is longer than 64 KiB");
  LabelSelector selector;
  Lexer lexer(text);
  while (lexer.next().kind != Token::Kind::End) {
    selector.requirements_.push_back(TRY(read_requirement(lexer)));
    const Token after = lexer.take();
    if (after.kind == Token::Kind::End) break;
    if (!after.is_mark(",")) return unexpected(after, "',' or 'end of string'");
    if (!lexer.next().is_word() && !lexer.next().is_mark("!"))
      return unexpected(lexer.next(), "identifier after ','");
  }
  std::ranges::stable_sort(selector.requirements_, {}, &Requirement::key);
  return selector;
}

Answer<LabelSelector> LabelSelector::from_tree(const json::Tree& tree) {
  if (tree.is_null()) return of_nothing();
  LabelSelector selector;
  if (const json::Tree* labels = tree.find("matchLabels"))
    for (const auto& [key, value] : labels->object())
      selector.requirements_.push_back(
          TRY(checked({.key = key, .op = Operator::In, .values = {std::string(value.as_string())}})));
  if (const json::Tree* expressions = tree.find("matchExpressions"))
    for (const json::Tree& expression : expressions->array())
      selector.requirements_.push_back(TRY(requirement_of(expression)));
  // What was written as one value is printed as one.
  for (Requirement& requirement : selector.requirements_)
    if (requirement.op == Operator::In && requirement.values.size() == 1) requirement.op = Operator::Equals;
  std::ranges::stable_sort(selector.requirements_, {}, &Requirement::key);
  return selector;
}

LabelSelector LabelSelector::from_labels(const json::Tree& labels) {
  LabelSelector selector;
  for (const auto& [key, value] : labels.object())
    selector.requirements_.push_back({key, Operator::Equals, {std::string(value.as_string())}});
  return selector;
}

LabelSelector LabelSelector::of_nothing() {
  LabelSelector selector;
  selector.is_of_nothing_ = true;
  return selector;
}

std::string LabelSelector::text() const {
  if (is_of_nothing_) return "<none>";
  std::string text;
  for (const Requirement& requirement : requirements_) {
    if (!text.empty()) text += ',';
    const Spelling& spelling = *std::ranges::find(kSpellings, requirement.op, &Spelling::op);
    const std::string values = fmt::format("{}", fmt::join(requirement.values, ","));
    if (takes_nothing(requirement.op))
      text.append(spelling.in_text).append(requirement.key);
    else if (takes_set(requirement.op))
      fmt::format_to(std::back_inserter(text), "{}{}({})", requirement.key, spelling.in_text, values);
    else
      text.append(requirement.key).append(spelling.in_text).append(values);
  }
  return text;
}

}  // namespace gantry::kube
