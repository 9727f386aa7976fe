// SPDX-License-Identifier: Apache-2.0
//
// Makes a Syntax of words: the grammar of langdef.md by recursive descent, macros on the way. It stops at the
// first mistake.
#pragma once

#include <optional>

#include "kube/cel/lexer.h"
#include "kube/cel/syntax.h"

namespace gantry::kube::cel {

class Parser {
 public:
  Parser(std::string_view source, const SyntaxLimits& limits);
  std::expected<Syntax, std::vector<Issue>> run();

 private:
  // Empty: a mistake was found and is in issue_.
  using Parsed = std::optional<NodeId>;
  using Ids = std::vector<NodeId>;
  struct Elements {
    Ids ids;
    std::vector<bool> optional;
  };

  Parsed expression();
  Parsed conditional();
  // Binary operators that bind at least so tightly. One function for all of them, since each level of an
  // expression costs the stack what its functions need.
  Parsed operation(int tightness);
  Parsed chain(NodeId first, Op op, std::string_view sign, int tightness);  // of && or ||
  Parsed unary();
  Parsed negation(std::string_view sign, std::string_view function);
  Parsed member();
  Parsed suffixes(NodeId operand);
  Parsed after_point(NodeId operand, Token point);
  Parsed index(NodeId operand, Token bracket);
  Parsed primary();
  Parsed name_or_call();
  Parsed literal(bool is_negative);
  Parsed integer(const Token& token, bool is_negative);
  Parsed text_literal();
  Parsed list();
  Parsed map();
  Parsed make(NodeId type);
  bool entry(Elements& elements);
  bool field(Elements& elements);
  Parsed add(Node node, Elements elements);
  std::optional<std::string> take_name(NodeId id);
  bool arguments(Ids& ids);

  // Of a call that is a macro, what it means; empty where it is none and no mistake was found.
  Parsed macro(std::optional<NodeId> target, const Token& name, std::uint32_t position, const Ids& arguments);
  Parsed has_macro(std::uint32_t position, const Ids& arguments);
  Parsed fold(Op op, NodeId range, std::uint32_t position, const Ids& arguments, std::size_t variables);
  std::optional<std::string_view> variable_name(NodeId id);

  Parsed add(Node node, std::span<const NodeId> children = {});
  Parsed call(std::string_view function, std::uint32_t position, std::span<const NodeId> arguments,
              bool is_member = false);
  Parsed fail(std::uint32_t position, std::string message);
  Parsed unexpected(std::string_view expected);
  std::string_view keep(std::string text);

  bool advance();
  bool is_sign(std::string_view sign) const { return token_.word == Word::Sign && token_.text == sign; }
  bool is_name(std::string_view name) const { return token_.word == Word::Name && token_.text == name; }
  bool expect(std::string_view sign);

  Syntax syntax_;
  SyntaxLimits limits_;
  Lexer lexer_;
  Token token_;
  std::size_t depth_ = 0;  // of expressions that are being parsed
  std::optional<Issue> issue_;
};

}  // namespace gantry::kube::cel
