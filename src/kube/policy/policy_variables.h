// SPDX-License-Identifier: Apache-2.0
//
// spec.variables of a policy: named expressions that its other expressions may use as `variables.name`.
#pragma once

#include <optional>
#include <vector>

#include "kube/policy/expressions.h"

namespace gantry::kube::admission {

// Compiled; immutable, for any thread.
class PolicyVariables {
 public:
  // Each sees those before it.
  PolicyVariables(const json::Tree& spec, const KnownTypes& known);
  PolicyVariables(const PolicyVariables&) = delete;
  PolicyVariables& operator=(const PolicyVariables&) = delete;

  // Of `variables`; lives as long as they.
  const cel::Type* type() const { return &type_; }
  bool use(Name name) const;
  void add_faults(std::vector<Cause>& causes) const;

 private:
  friend class VariableValues;
  struct Variable {
    std::string name;
    Expression expression;
    std::vector<std::size_t> needs;  // earlier ones that it names
  };
  void add(std::string name, Expression expression);

  std::vector<Variable> variables_;
  cel::Type type_{.kind = cel::Kind::Object, .name = "kubernetes.variables"};
};

// For one evaluation of a policy: each variable is evaluated when it is first asked for, at the cost of who
// asks; those that it needs before it, so that a long chain of them is no deep recursion.
class VariableValues final : public cel::LazyFields {
 public:
  // All are borrowed; `values` know them from now on.
  VariableValues(const PolicyVariables& variables, RequestValues& values, cel::Budget& budget);

  cel::Value field(std::string_view name) const override;

 private:
  void evaluate_with_needs(std::size_t index) const;
  cel::Value evaluate_one(const PolicyVariables::Variable& variable) const;

  const std::vector<PolicyVariables::Variable>& variables_;
  RequestValues& values_;
  cel::Budget& budget_;
  mutable std::vector<std::optional<cel::Value>> known_;
};

}  // namespace gantry::kube::admission
