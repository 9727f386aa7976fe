// SPDX-License-Identifier: Apache-2.0
#include "kube/cel/program.h"

#include <algorithm>

#include "kube/cel/checker.h"
#include "kube/cel/cost.h"
#include "kube/cel/evaluator.h"
#include "kube/cel/syntax.h"

namespace gantry::kube::cel {

struct Program::State {
  Memory memory;  // of the constants
  Compiled compiled;
  Kind result_kind = Kind::Dyn;
  std::string result_type;
  std::uint64_t estimated_cost = 0;
  std::vector<bool> used;  // by variable
};

namespace {

Error wrong(std::string_view text, std::span<const Issue> issues) {
  return error(Code::InvalidArgument, "{}", describe(text, issues));
}

// Only of calls whose pattern is a literal; the checker has tried them.
std::vector<std::pair<NodeId, Pattern>> patterns_of(const Syntax& syntax) {
  std::vector<std::pair<NodeId, Pattern>> patterns;
  for (NodeId id = 0; id < syntax.size(); ++id) {
    const Node& node = syntax.node(id);
    const bool is_search = node.text == "matches" || node.text == "find" || node.text == "findAll";
    if (node.op != Op::Call || !is_search || node.count < 2) continue;
    const Node& literal = syntax.node(syntax.child(node, 1));
    if (literal.op != Op::String) continue;
    if (auto pattern = Pattern::compile(literal.text)) patterns.emplace_back(id, std::move(*pattern));
  }
  return patterns;
}

bool is_conversion(std::string_view function) {
  constexpr std::string_view kConversions[] = {"bool", "dyn",    "bytes",     "double", "duration",
                                               "int",  "string", "timestamp", "uint"};
  return std::ranges::find(kConversions, function) != std::end(kConversions);
}

bool is_literal(Op op) { return op <= Op::Bytes; }

// Lists, maps and conversions of nothing but literals are evaluated once. Children come before their parents.
void fold_constants(Compiled& compiled, Memory& memory) {
  const Syntax& syntax = compiled.syntax;
  for (NodeId id = 0; id < syntax.size(); ++id) {
    const Node& node = syntax.node(id);
    const bool is_collection = node.op == Op::List || node.op == Op::Map;
    const bool is_call =
        node.op == Op::Call && !node.is_member && node.count == 1 && is_conversion(node.text);
    if (!is_collection && !is_call) continue;
    const bool is_constant = std::ranges::all_of(syntax.children(node), [&](NodeId child) {
      return is_literal(syntax.node(child).op) || compiled.checked.nodes[child].meaning == Meaning::Constant;
    });
    if (!is_constant || node.optional_set != 0) continue;
    const Value value = Evaluator(compiled, {}, kCostOfCall, memory).evaluate(id);
    if (value.is_error()) continue;
    Resolution& resolution = compiled.checked.nodes[id];
    resolution.meaning = Meaning::Constant;
    resolution.index = static_cast<std::uint32_t>(compiled.constants.size());
    compiled.constants.push_back(value);
  }
}

std::vector<bool> used_variables(const Checked& checked, std::size_t count) {
  std::vector<bool> used(count);
  for (const Resolution& resolution : checked.nodes)
    if (resolution.meaning == Meaning::Variable) used[resolution.index] = true;
  return used;
}

}  // namespace

Result<Program> compile(std::string_view text, const Environment& environment) {
  auto syntax = parse(text);
  if (!syntax) return wrong(text, syntax.error());
  TypeArena types;
  auto checked = check(*syntax, environment, types);
  if (!checked) return wrong(text, checked.error());
  auto state = std::make_shared<Program::State>();
  state->estimated_cost = estimate_cost(*syntax, *checked);
  state->used = used_variables(*checked, environment.variables().size());
  const Type& result = *checked->nodes[syntax->root()].type;
  state->result_kind = result.kind;
  state->result_type = describe(result);
  // Types are of the compilation; what runs needs none.
  for (Resolution& resolution : checked->nodes) resolution.type = resolution.declared = nullptr;
  auto patterns = patterns_of(*syntax);
  state->compiled = {std::move(*syntax), std::move(*checked), std::move(patterns), {}};
  fold_constants(state->compiled, state->memory);
  return Program(std::move(state));
}

Value Program::evaluate(std::span<const Value> variables, Budget& budget, Memory& memory) const {
  // One more than is left would be too much; what a single call may cost is Kubernetes' other limit.
  Evaluator evaluator(state_->compiled, variables, kCostOfCall, memory);
  const Value result = evaluator.run();
  budget.is_exhausted = budget.is_exhausted || evaluator.cost() > budget.left;
  budget.left -= std::min(budget.left, evaluator.cost());
  return result;
}

Kind Program::result_kind() const { return state_->result_kind; }
std::string_view Program::result_type() const { return state_->result_type; }
bool Program::uses(std::size_t variable) const { return state_->used[variable]; }
bool Program::selects(std::string_view field) const {
  const Syntax& syntax = state_->compiled.syntax;
  for (NodeId id = 0; id < syntax.size(); ++id) {
    const Node& node = syntax.node(id);
    const bool is_select = node.op == Op::Select || node.op == Op::OptionalSelect || node.op == Op::Has;
    if (is_select && node.text == field) return true;
  }
  return false;
}
std::uint64_t Program::estimated_cost() const { return state_->estimated_cost; }
std::string_view Program::text() const { return state_->compiled.syntax.source(); }

}  // namespace gantry::kube::cel
