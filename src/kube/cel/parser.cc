// SPDX-License-Identifier: Apache-2.0
#include "kube/cel/parser.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "kube/cel/identifier.h"
#include "kube/cel/utf8.h"

namespace gantry::kube::cel {
namespace {

constexpr std::string_view kStartsOfExpressions =
    "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, "
    "IDENTIFIER}";

// Macros that go over a range: with one variable, or with two.
struct FoldMacro {
  std::string_view name;
  Op op;
  std::size_t variables;
  std::size_t arguments;
};
constexpr FoldMacro kFolds[] = {
    {"all", Op::All, 1, 2},
    {"exists", Op::Exists, 1, 2},
    {"exists_one", Op::ExistsOne, 1, 2},
    {"existsOne", Op::ExistsOne, 1, 2},
    {"map", Op::Transform, 1, 2},
    {"map", Op::Transform, 1, 3},
    {"filter", Op::Filter, 1, 2},
    {"all", Op::All, 2, 3},
    {"exists", Op::Exists, 2, 3},
    {"existsOne", Op::ExistsOne, 2, 3},
    {"transformList", Op::Transform, 2, 3},
    {"transformList", Op::Transform, 2, 4},
    {"transformMap", Op::TransformMap, 2, 3},
    {"transformMap", Op::TransformMap, 2, 4},
    {"transformMapEntry", Op::TransformMapEntry, 2, 3},
    {"transformMapEntry", Op::TransformMapEntry, 2, 4},
    {"sortBy", Op::SortBy, 1, 2},
    {"optMap", Op::OptMap, 1, 2},
    {"optFlatMap", Op::OptFlatMap, 1, 2},
};

struct Operator {
  std::string_view sign;
  int tightness;
  std::string_view function;  // empty: `op` says it
  Op op = Op::Call;
};
constexpr Operator kOperators[] = {
    {"||", 1, "", Op::Or}, {"&&", 2, "", Op::And}, {"==", 3, "_==_"}, {"!=", 3, "_!=_"}, {"<", 3, "_<_"},
    {"<=", 3, "_<=_"},     {">", 3, "_>_"},        {">=", 3, "_>=_"}, {"in", 3, "@in"},  {"+", 4, "_+_"},
    {"-", 4, "_-_"},       {"*", 5, "_*_"},        {"/", 5, "_/_"},   {"%", 5, "_%_"}};

// Null if the word is none.
const Operator* operator_of(const Token& token) {
  if (token.word != Word::Sign && token.word != Word::Name) return nullptr;
  const auto* found = std::ranges::find(kOperators, token.text, &Operator::sign);
  return found == std::end(kOperators) ? nullptr : found;
}

}  // namespace

Parser::Parser(std::string_view source, const SyntaxLimits& limits) : limits_(limits), lexer_({}) {
  syntax_.source_ = std::make_unique<const std::string>(source);
  lexer_ = Lexer(*syntax_.source_);
}

std::expected<Syntax, std::vector<Issue>> Parser::run() {
  Parsed root;
  if (const std::size_t size = count_code_points(syntax_.source()); size > limits_.code_points)
    fail(0, fmt::format("expression code point size exceeds limit: size: {}, limit {}", size,
                        limits_.code_points));
  else if (advance())
    root = expression();
  if (root && token_.word != Word::End)
    root = fail(token_.position,
                fmt::format("Syntax error: extraneous input '{}' expecting <EOF>", token_.text));
  if (!root) return std::unexpected(std::vector<Issue>{*issue_});
  syntax_.root_ = *root;
  return std::move(syntax_);
}

Parser::Parsed Parser::fail(std::uint32_t position, std::string message) {
  if (!issue_) issue_ = Issue{position, std::move(message)};
  return {};
}

Parser::Parsed Parser::unexpected(std::string_view expected) {
  const std::string_view found = token_.word == Word::End ? "<EOF>" : token_.text;
  return fail(token_.position,
              fmt::format("Syntax error: mismatched input '{}' expecting {}", found, expected));
}

bool Parser::advance() {
  auto token = lexer_.next();
  if (!token) {
    fail(token.error().position, token.error().message);
    return false;
  }
  token_ = *token;
  return true;
}

bool Parser::expect(std::string_view sign) {
  if (is_sign(sign)) return advance();
  unexpected(fmt::format("'{}'", sign));
  return false;
}

std::string_view Parser::keep(std::string text) { return syntax_.texts_.emplace_back(std::move(text)); }

Parser::Parsed Parser::add(Node node, std::span<const NodeId> children) {
  std::size_t depth = 0;
  for (const NodeId child : children) depth = std::max<std::size_t>(depth, syntax_.nodes_[child].depth);
  if (depth >= limits_.depth)
    return fail(node.position, fmt::format("expression recursion limit exceeded: {}", limits_.depth));
  node.depth = static_cast<std::uint16_t>(depth + 1);
  node.first = static_cast<std::uint32_t>(syntax_.children_.size());
  node.count = static_cast<std::uint32_t>(children.size());
  syntax_.children_.insert(syntax_.children_.end(), children.begin(), children.end());
  syntax_.nodes_.push_back(node);
  return static_cast<NodeId>(syntax_.nodes_.size() - 1);
}

Parser::Parsed Parser::call(std::string_view function, std::uint32_t position,
                            std::span<const NodeId> arguments, bool is_member) {
  return add({.op = Op::Call, .is_member = is_member, .position = position, .text = function}, arguments);
}

Parser::Parsed Parser::expression() {
  if (++depth_ > limits_.depth)
    return fail(token_.position, fmt::format("expression recursion limit exceeded: {}", limits_.depth));
  const Parsed parsed = conditional();
  --depth_;
  return parsed;
}

Parser::Parsed Parser::conditional() {
  const Parsed condition = operation(1);
  if (!condition || !is_sign("?")) return condition;
  const std::uint32_t position = token_.position;
  if (!advance()) return {};
  const Parsed then = operation(1);
  if (!then || !expect(":")) return {};
  const Parsed otherwise = expression();
  if (!otherwise) return {};
  return add({.op = Op::Conditional, .position = position}, std::array{*condition, *then, *otherwise});
}

Parser::Parsed Parser::operation(int tightness) {
  Parsed left = unary();
  while (left) {
    const Operator* found = operator_of(token_);
    if (found == nullptr || found->tightness < tightness) break;
    if (found->op != Op::Call) {
      left = chain(*left, found->op, found->sign, found->tightness);
      continue;
    }
    const std::uint32_t position = token_.position;
    if (!advance()) return {};
    const Parsed right = operation(found->tightness + 1);
    if (!right) return {};
    left = call(found->function, position, std::array{*left, *right});
  }
  return left;
}

// One node of all that stand in a row: a long condition is no deep tree.
Parser::Parsed Parser::chain(NodeId first, Op op, std::string_view sign, int tightness) {
  const std::uint32_t position = token_.position;
  Ids ids = {first};
  while (is_sign(sign)) {
    if (!advance()) return {};
    const Parsed next = operation(tightness + 1);
    if (!next) return {};
    ids.push_back(*next);
  }
  return add({.op = op, .position = position}, ids);
}

Parser::Parsed Parser::unary() {
  if (is_sign("!")) return negation("!", "!_");
  if (is_sign("-")) return negation("-", "-_");
  return member();
}

// Any number of one sign; two of them are nothing.
Parser::Parsed Parser::negation(std::string_view sign, std::string_view function) {
  const std::uint32_t position = token_.position;
  std::size_t signs = 0;
  for (; is_sign(sign); ++signs)
    if (!advance()) return {};
  if (sign == "-" && signs % 2 == 1 && (token_.word == Word::Int || token_.word == Word::Double)) {
    const Parsed number = literal(true);
    if (!number) return number;
    syntax_.nodes_[*number].position = position;
    return suffixes(*number);
  }
  const Parsed operand = member();
  if (!operand || signs % 2 == 0) return operand;
  return call(function, position, std::array{*operand});
}

Parser::Parsed Parser::member() {
  const Parsed operand = primary();
  return operand ? suffixes(*operand) : operand;
}

Parser::Parsed Parser::suffixes(NodeId operand) {
  Parsed parsed = operand;
  while (parsed) {
    const Token sign = token_;
    if (is_sign("."))
      parsed = advance() ? after_point(*parsed, sign) : Parsed();
    else if (is_sign("["))
      parsed = advance() ? index(*parsed, sign) : Parsed();
    else if (is_sign("{"))
      parsed = make(*parsed);
    else
      break;
  }
  return parsed;
}

Parser::Parsed Parser::after_point(NodeId operand, Token point) {
  const bool is_optional = is_sign("?");
  if (is_optional && !advance()) return {};
  if (token_.word != Word::Name) return unexpected("IDENTIFIER");
  const Token name = token_;
  if (name.text == "in" || name.text == "true" || name.text == "false" || name.text == "null")
    return unexpected("IDENTIFIER");
  if (!advance()) return {};
  if (is_optional || !is_sign("(")) {
    const Op op = is_optional ? Op::OptionalSelect : Op::Select;
    return add({.op = op, .position = point.position, .text = name.text}, std::array{operand});
  }
  const std::uint32_t position = token_.position;
  Ids given;
  if (!advance() || !arguments(given)) return {};
  if (const Parsed made = macro(operand, name, position, given); made || issue_) return made;
  given.insert(given.begin(), operand);
  return call(name.text, position, given, true);
}

Parser::Parsed Parser::index(NodeId operand, Token bracket) {
  const bool is_optional = is_sign("?");
  if (is_optional && !advance()) return {};
  const Parsed key = expression();
  if (!key || !expect("]")) return {};
  return call(is_optional ? "_[?_]" : "_[_]", bracket.position, std::array{operand, *key});
}

bool Parser::arguments(Ids& ids) {
  while (!is_sign(")")) {
    const Parsed argument = expression();
    if (!argument) return false;
    ids.push_back(*argument);
    if (!is_sign(",")) break;
    if (!advance()) return false;
    if (is_sign(")")) return unexpected(kStartsOfExpressions).has_value();
  }
  return expect(")");
}

Parser::Parsed Parser::primary() {
  if (is_sign("(")) {
    if (!advance()) return {};
    const Parsed inner = expression();
    return inner && expect(")") ? inner : Parsed();
  }
  if (is_sign("[")) return list();
  if (is_sign("{")) return map();
  // A leading point means the outermost scope: here there is no other.
  if (is_sign(".") && !advance()) return {};
  if (token_.word == Word::Name) return name_or_call();
  if (token_.word == Word::End || token_.word == Word::Sign) return unexpected(kStartsOfExpressions);
  return literal(false);
}

Parser::Parsed Parser::name_or_call() {
  const Token name = token_;
  if (!advance()) return {};
  if (name.text == "null") return add({.op = Op::Null, .position = name.position});
  if (name.text == "true" || name.text == "false")
    return add({.op = Op::Bool, .position = name.position, .boolean = name.text == "true"});
  if (is_reserved(name.text)) return fail(name.position, fmt::format("reserved identifier: {}", name.text));
  if (!is_sign("(")) return add({.op = Op::Identifier, .position = name.position, .text = name.text});
  const std::uint32_t position = token_.position;
  Ids given;
  if (!advance() || !arguments(given)) return {};
  if (const Parsed made = macro({}, name, position, given); made || issue_) return made;
  return call(name.text, position, given);
}

Parser::Parsed Parser::literal(bool is_negative) {
  const Token token = token_;
  if (token.word == Word::String || token.word == Word::Bytes) return text_literal();
  if (!advance()) return {};
  if (token.word != Word::Double) return integer(token, is_negative);
  double value = 0;
  const auto read = std::from_chars(token.text.data(), token.text.data() + token.text.size(), value);
  if (read.ec != std::errc()) return fail(token.position, "invalid double literal");
  return add({.op = Op::Double, .position = token.position, .real = is_negative ? -value : value});
}

Parser::Parsed Parser::integer(const Token& token, bool is_negative) {
  const bool is_unsigned = token.word == Word::Uint;
  std::string_view digits = token.text.substr(0, token.text.size() - (is_unsigned ? 1 : 0));
  const bool is_hex = digits.starts_with("0x");
  if (is_hex) digits.remove_prefix(2);
  std::uint64_t value = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value, is_hex ? 16 : 10);
  constexpr std::uint64_t kMax = 0x7FFF'FFFF'FFFF'FFFF;
  const bool fits = read.ec == std::errc() && (is_unsigned || value <= kMax + (is_negative ? 1 : 0));
  if (!fits) return fail(token.position, is_unsigned ? "invalid uint literal" : "invalid int literal");
  if (is_unsigned) return add({.op = Op::Uint, .position = token.position, .unsigned_integer = value});
  return add({.op = Op::Int,
              .position = token.position,
              .integer = static_cast<std::int64_t>(is_negative ? 0 - value : value)});
}

Parser::Parsed Parser::text_literal() {
  const Token token = token_;
  auto value = unquote(token);
  if (!value) return fail(value.error().position, value.error().message);
  if (!advance()) return {};
  const Op op = token.word == Word::Bytes ? Op::Bytes : Op::String;
  return add({.op = op, .position = token.position, .text = keep(std::move(*value))});
}

Parser::Parsed Parser::list() {
  const std::uint32_t position = token_.position;
  if (!advance()) return {};
  Elements elements;
  while (!is_sign("]")) {
    elements.optional.push_back(is_sign("?"));
    if (is_sign("?") && !advance()) return {};
    const Parsed element = expression();
    if (!element) return {};
    elements.ids.push_back(*element);
    if (!is_sign(",")) break;
    if (!advance()) return {};
  }
  if (!expect("]")) return {};
  return add({.op = Op::List, .position = position}, std::move(elements));
}

Parser::Parsed Parser::add(Node node, Elements elements) {
  if (std::ranges::find(elements.optional, true) != elements.optional.end()) {
    syntax_.optional_elements_.push_back(std::move(elements.optional));
    node.optional_set = static_cast<std::uint32_t>(syntax_.optional_elements_.size());
  }
  return add(node, elements.ids);
}

bool Parser::entry(Elements& elements) {
  elements.optional.push_back(is_sign("?"));
  if (is_sign("?") && !advance()) return false;
  const Parsed key = expression();
  if (!key || !expect(":")) return false;
  const Parsed value = expression();
  if (!value) return false;
  elements.ids.insert(elements.ids.end(), {*key, *value});
  return true;
}

Parser::Parsed Parser::map() {
  const std::uint32_t position = token_.position;
  if (!advance()) return {};
  Elements elements;
  while (!is_sign("}")) {
    if (!entry(elements)) return {};
    if (!is_sign(",")) break;
    if (!advance()) return {};
  }
  if (!expect("}")) return {};
  return add({.op = Op::Map, .position = position}, std::move(elements));
}

// "Object.spec" of names and points, which then are no nodes any more; nothing of other expressions.
std::optional<std::string> Parser::take_name(NodeId id) {
  const Node node = syntax_.nodes_[id];
  if (node.op != Op::Identifier && node.op != Op::Select) return {};
  std::string name;
  if (node.op == Op::Select) {
    auto before = take_name(syntax_.child(node, 0));
    if (!before) return {};
    name = std::move(*before) + ".";
  }
  syntax_.nodes_.resize(id);  // they were the last
  syntax_.children_.resize(node.first);
  return name.append(node.text);
}

Parser::Parsed Parser::make(NodeId type) {
  const std::uint32_t position = token_.position;
  auto name = take_name(type);
  if (!name) return unexpected("<EOF>");
  if (!advance()) return {};
  Elements elements;
  while (!is_sign("}")) {
    if (!field(elements)) return {};
    if (!is_sign(",")) break;
    if (!advance()) return {};
  }
  if (!expect("}")) return {};
  return add({.op = Op::Make, .position = position, .text = keep(std::move(*name))}, std::move(elements));
}

// What is wrong with a field is told of at its colon.
bool Parser::field(Elements& elements) {
  elements.optional.push_back(is_sign("?"));
  if (is_sign("?") && !advance()) return false;
  if (token_.word != Word::Name) return unexpected("IDENTIFIER").has_value();
  const std::string_view name = token_.text;
  if (!advance()) return false;
  const Parsed key = add({.op = Op::String, .position = token_.position, .text = name});
  if (!key || !expect(":")) return false;
  const Parsed value = expression();
  if (!value) return false;
  elements.ids.insert(elements.ids.end(), {*key, *value});
  return true;
}

// ---- macros

Parser::Parsed Parser::macro(std::optional<NodeId> target, const Token& name, std::uint32_t position,
                             const Ids& given) {
  if (!target) return name.text == "has" && given.size() == 1 ? has_macro(position, given) : Parsed();
  const Node& before = syntax_.nodes_[*target];
  const bool is_on_name = before.op == Op::Identifier;
  if (is_on_name && before.text == "cel" && name.text == "bind" && given.size() == 3) {
    const auto variable = variable_name(given[0]);
    if (!variable) return {};
    return add({.op = Op::Bind, .position = position, .text = *variable}, std::array{given[1], given[2]});
  }
  // Any number of arguments, two at least: a list of them, so that one function does.
  if (is_on_name && before.text == "math" && (name.text == "greatest" || name.text == "least") &&
      given.size() > 1) {
    const Parsed all = add({.op = Op::List, .position = position}, given);
    return all ? call(name.text, position, std::array{*target, *all}, true) : all;
  }
  if (given.size() == 1 && (name.text == "or" || name.text == "orValue")) {
    const Op op = name.text == "or" ? Op::OptOr : Op::OptOrValue;
    return add({.op = op, .is_member = true, .position = position, .text = name.text},
               std::array{*target, given[0]});
  }
  for (const FoldMacro& fold_macro : kFolds)
    if (fold_macro.name == name.text && fold_macro.arguments == given.size())
      return fold(fold_macro.op, *target, position, given, fold_macro.variables);
  return {};
}

Parser::Parsed Parser::has_macro(std::uint32_t position, const Ids& given) {
  const Node operand = syntax_.nodes_[given.front()];
  if (operand.op != Op::Select) return fail(position, "invalid argument to has() macro");
  return add({.op = Op::Has, .position = position, .text = operand.text},
             std::array{syntax_.child(operand, 0)});
}

Parser::Parsed Parser::fold(Op op, NodeId range, std::uint32_t position, const Ids& given,
                            std::size_t variables) {
  const auto first = variable_name(given[0]);
  const auto second = variables == 2 ? variable_name(given[1]) : std::string_view();
  if (!first || !second) return {};
  if (*first == *second) return fail(position, fmt::format("duplicate variable name: {}", *first));
  Ids children = {range};
  children.insert(children.end(), given.begin() + static_cast<std::ptrdiff_t>(variables), given.end());
  const bool has_condition = children.size() == 3;
  return add(
      {.op = op, .has_condition = has_condition, .position = position, .text = *first, .second = *second},
      children);
}

std::optional<std::string_view> Parser::variable_name(NodeId id) {
  const Node& node = syntax_.nodes_[id];
  if (node.op == Op::Identifier) return node.text;
  fail(node.position, "argument must be a simple name");
  return {};
}

}  // namespace gantry::kube::cel
