// SPDX-License-Identifier: Apache-2.0
//
// A parsed template: what template_parse.cc makes and template_run.cc walks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cli/template_value.h"

namespace gantry::cli::template_tree {

struct Pipeline;

// One word of a command, with the fields behind it: `$x.Name`, `(index .Mounts 0).Source`.
struct Operand {
  enum class Kind : std::uint8_t { Dot, Variable, Literal, Function, Parenthesis };
  Kind kind = Kind::Dot;
  std::string name;       // of a variable (with '$') or function
  TemplateValue literal;  // of a literal
  std::shared_ptr<Pipeline> inner;
  std::vector<std::string> fields;
};

// The first word is called with the others, if it is a function or a method.
using Command = std::vector<Operand>;

struct Pipeline {
  std::vector<std::string> variables;  // that get its value; two in a range: index and element
  bool declares = false;               // ":=" rather than "="
  std::vector<Command> commands;       // each gets the value of the one before as its last argument
};

struct Node;
struct Block {
  std::vector<Node> nodes;
};

struct Node {
  enum class Kind : std::uint8_t { Text, Action, If, With, Range, Break, Continue };
  Kind kind = Kind::Text;
  std::string text;
  Pipeline pipeline;
  Block body, otherwise;
};

}  // namespace gantry::cli::template_tree
