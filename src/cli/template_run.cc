// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include <fmt/format.h>

#include "base/printable.h"
#include "cli/template.h"
#include "cli/template_functions.h"
#include "cli/template_members.h"
#include "cli/template_tree.h"

namespace gantry::cli {
namespace {

using namespace template_tree;

class Run {
 public:
  Run(const json::Value& root, const Template::Methods& methods) : methods_(methods), dot_(root) {
    variables_.emplace_back("$", dot_);
  }

  Result<void> walk(const Block& block) {
    const std::size_t visible = variables_.size();
    for (const Node& node : block.nodes) {
      TRY(walk(node));
      if (jump_ != Jump::None) break;
    }
    variables_.erase(variables_.begin() + static_cast<std::ptrdiff_t>(visible), variables_.end());
    return {};
  }

  std::string take() && { return std::move(text_); }

 private:
  enum class Jump : std::uint8_t { None, Break, Continue };

  Result<void> walk(const Node& node) {
    switch (node.kind) {
      case Node::Kind::Text: text_ += node.text; return {};
      case Node::Kind::Action: return act(node);
      case Node::Kind::If:
      case Node::Kind::With: return branch(node);
      case Node::Kind::Range: return range(node);
      case Node::Kind::Break: jump_ = Jump::Break; return {};
      case Node::Kind::Continue: jump_ = Jump::Continue; return {};
    }
    return {};
  }

  Result<void> act(const Node& node) {
    const TemplateValue value = TRY(evaluate(node.pipeline));
    if (node.pipeline.variables.empty()) {
      text_ += value.text();
      return {};
    }
    return set(node.pipeline.variables[0], value, node.pipeline.declares);
  }

  Result<void> branch(const Node& node) {
    const std::size_t visible = variables_.size();
    TemplateValue value = TRY(evaluate(node.pipeline));
    if (!node.pipeline.variables.empty()) TRY(set(node.pipeline.variables[0], value, node.pipeline.declares));
    const bool holds = value.is_true();
    if (holds && node.kind == Node::Kind::With) {
      std::swap(dot_, value);
      TRY(walk(node.body));
      std::swap(dot_, value);
    } else {
      TRY(walk(holds ? node.body : node.otherwise));
    }
    variables_.erase(variables_.begin() + static_cast<std::ptrdiff_t>(visible), variables_.end());
    return {};
  }

  Result<void> range(const Node& node) {
    const TemplateValue over = TRY(evaluate(node.pipeline));
    if (!over.is_nothing() && !over.as_list() && !over.as_object())
      return error(Code::InvalidArgument, "template: range can't iterate over {}", printable(over.text()));
    const std::size_t size = over.size().value_or(0);
    if (size == 0) return walk(node.otherwise);
    for (std::size_t i = 0; i < size && jump_ != Jump::Break; ++i) {
      jump_ = Jump::None;
      if (const json::Value* object = over.as_object())
        TRY(turn(node, std::string(object->key(i)), object->at(i)));
      else
        TRY(turn(node, static_cast<double>(i), (*over.as_list())[i]));
    }
    jump_ = Jump::None;
    return {};
  }

  Result<void> turn(const Node& node, TemplateValue key, TemplateValue element) {
    const std::size_t visible = variables_.size();
    const auto& names = node.pipeline.variables;
    if (names.size() > 1) TRY(set(names[0], std::move(key), true));
    if (!names.empty()) TRY(set(names.back(), element, true));
    std::swap(dot_, element);
    TRY(walk(node.body));
    std::swap(dot_, element);
    variables_.erase(variables_.begin() + static_cast<std::ptrdiff_t>(visible), variables_.end());
    return {};
  }

  Result<void> set(const std::string& name, TemplateValue value, bool declares) {
    if (declares) {
      variables_.emplace_back(name, std::move(value));
      return {};
    }
    for (auto variable = variables_.rbegin(); variable != variables_.rend(); ++variable)
      if (variable->first == name) {
        variable->second = std::move(value);
        return {};
      }
    return error(Code::InvalidArgument, "template: undefined variable '{}'", printable(name));
  }

  Result<TemplateValue> evaluate(const Pipeline& pipeline) {
    std::optional<TemplateValue> value;
    for (const Command& command : pipeline.commands) value = TRY(evaluate(command, std::move(value)));
    return *std::move(value);
  }

  // `last`: of the command before in the pipeline.
  Result<TemplateValue> evaluate(const Command& command, std::optional<TemplateValue> last) {
    std::vector<TemplateValue> arguments;
    for (std::size_t i = 1; i < command.size(); ++i) arguments.push_back(TRY(evaluate(command[i])));
    if (last) arguments.push_back(*std::move(last));
    const Operand& first = command[0];
    if (first.kind == Operand::Kind::Function) {
      return follow(TRY(call_template_function(first.name, arguments)), first.fields);
    }
    if (arguments.empty()) return evaluate(first);
    return call_method(first, arguments);
  }

  Result<TemplateValue> call_method(const Operand& operand, const std::vector<TemplateValue>& arguments) {
    std::vector<std::string> texts;
    for (const TemplateValue& argument : arguments) texts.push_back(argument.text());
    const bool is_method = operand.kind == Operand::Kind::Dot && operand.fields.size() == 1 && methods_;
    if (auto answer = is_method ? methods_(operand.fields[0], texts) : std::nullopt)
      return TemplateValue(*std::move(answer));
    return error(Code::InvalidArgument, "template: can't give arguments to '{}'",
                 printable(operand.fields.empty() ? operand.name : operand.fields.back()));
  }

  Result<TemplateValue> evaluate(const Operand& operand) {
    switch (operand.kind) {
      case Operand::Kind::Dot: return follow(dot_, operand.fields);
      case Operand::Kind::Variable: return follow(TRY(variable(operand.name)), operand.fields);
      case Operand::Kind::Literal: return operand.literal;
      case Operand::Kind::Parenthesis: return follow(TRY(evaluate(*operand.inner)), operand.fields);
      case Operand::Kind::Function:
        return follow(TRY(call_template_function(operand.name, {})), operand.fields);
    }
    return TemplateValue();
  }

  Result<TemplateValue> variable(const std::string& name) const {
    for (auto variable = variables_.rbegin(); variable != variables_.rend(); ++variable)
      if (variable->first == name) return variable->second;
    return error(Code::InvalidArgument, "template: undefined variable '{}'", printable(name));
  }

  static Result<TemplateValue> follow(TemplateValue value, const std::vector<std::string>& fields) {
    bool is_map = false;
    for (const std::string& field : fields) {
      const json::Value* object = value.as_object();
      const auto found = object != nullptr ? object->find(field) : std::nullopt;
      auto omitted = object != nullptr && !found && !is_map ? left_out(*object, field) : std::nullopt;
      if (!found && !omitted && !(is_map && (object != nullptr || value.is_nothing())))
        return error(Code::InvalidArgument, "template: there is no field '.{}' here", printable(field));
      if (found)
        value = TemplateValue(*found);
      else
        value = std::move(omitted).value_or(TemplateValue());
      is_map = has_users_keys(field);
    }
    return value;
  }

  const Template::Methods& methods_;
  TemplateValue dot_;
  std::vector<std::pair<std::string, TemplateValue>> variables_;
  Jump jump_ = Jump::None;
  std::string text_;
};

}  // namespace

Result<std::string> Template::render(const json::Value& root, const Methods& methods) const {
  Run run(root, methods);
  TRY(run.walk(*root_));
  return std::move(run).take();
}

}  // namespace gantry::cli
