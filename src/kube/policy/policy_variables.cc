// SPDX-License-Identifier: Apache-2.0
#include "kube/policy/policy_variables.h"

#include <algorithm>

#include <fmt/format.h>

#include "kube/api/tree_lists.h"

namespace gantry::kube::admission {
namespace {

// Variables are known by their kind; what lists and maps of them hold is known when they run.
const cel::Type* type_of(const Result<cel::Program>& program) {
  const bool is_known =
      program && program->result_kind() != cel::Kind::Object && program->result_kind() != cel::Kind::Param;
  return cel::basic(is_known ? program->result_kind() : cel::Kind::Dyn);
}

}  // namespace

PolicyVariables::PolicyVariables(const json::Tree& spec, const KnownTypes& known) {
  const cel::Environment environment = environment_for(known, &type_);
  for (const json::Tree& variable : list_of(spec, "variables"))
    add(std::string(variable.text_at("name")),
        compile_expression(variable.text_at("expression"), environment));
}

void PolicyVariables::add(std::string name, Expression expression) {
  std::vector<std::size_t> needs;
  for (std::size_t i = 0; i < variables_.size(); ++i)
    if (expression.program && expression.program->selects(variables_[i].name)) needs.push_back(i);
  const auto place = std::ranges::lower_bound(type_.fields, name, {}, &cel::TypeField::name);
  type_.fields.insert(place, {name, name, type_of(expression.program)});
  variables_.push_back({std::move(name), std::move(expression), std::move(needs)});
}

bool PolicyVariables::use(Name name) const {
  return std::ranges::any_of(variables_, [&](const Variable& one) { return one.expression.uses(name); });
}

void PolicyVariables::add_faults(std::vector<Cause>& causes) const {
  for (std::size_t i = 0; i < variables_.size(); ++i)
    add_fault(causes, fmt::format("spec.variables[{}].expression", i), variables_[i].expression);
}

// ---- values

VariableValues::VariableValues(const PolicyVariables& variables, RequestValues& values, cel::Budget& budget)
    : variables_(variables.variables_), values_(values), budget_(budget), known_(variables_.size()) {
  values.set_variables(this);
}

cel::Value VariableValues::field(std::string_view name) const {
  const auto found = std::ranges::find(variables_, name, &PolicyVariables::Variable::name);
  if (found == variables_.end())
    return cel::Value::of_error(fmt::format("no such key: {}", name), values_.memory());
  const auto index = static_cast<std::size_t>(found - variables_.begin());
  if (!known_[index]) evaluate_with_needs(index);
  return *known_[index];
}

void VariableValues::evaluate_with_needs(std::size_t index) const {
  std::vector<bool> needed(index + 1);
  needed[index] = true;
  for (std::size_t i = index + 1; i-- > 0;)
    if (needed[i] && !known_[i])
      for (const std::size_t need : variables_[i].needs) needed[need] = true;
  for (std::size_t i = 0; i <= index; ++i)
    if (needed[i] && !known_[i]) known_[i] = evaluate_one(variables_[i]);
}

cel::Value VariableValues::evaluate_one(const PolicyVariables::Variable& variable) const {
  auto result = evaluate(variable.expression, values_, budget_);
  if (result) return *result;
  return cel::Value::of_error(fmt::format("composited variable \"{}\" fails to evaluate: {}", variable.name,
                                          result.error().message()),
                              values_.memory());
}

}  // namespace gantry::kube::admission
