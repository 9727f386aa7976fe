// SPDX-License-Identifier: Apache-2.0
//
// One ValidatingAdmissionPolicy, compiled, and one binding of it
// (https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/). Immutable; for any
// thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kube/policy/expressions.h"
#include "kube/policy/request_match.h"

namespace gantry::kube::admission {

struct PolicyFinding {
  std::size_t index = 0;  // of the validation
  std::string message;
  std::string reason;  // of the status
};

struct PolicyVerdict {
  std::vector<PolicyFinding> denials;
  std::vector<std::pair<std::string, std::string>> audit_annotations;
  std::vector<std::string> annotation_errors;  // which deny, whatever the binding's actions are
};

class ValidatingPolicy {
 public:
  explicit ValidatingPolicy(const json::Tree& object);

  const std::string& name() const { return name_; }
  bool fails_closed() const { return fails_closed_; }
  // "v1", "ConfigMap"; empty kind: the policy takes none.
  const std::string& param_api_version() const { return param_api_version_; }
  const std::string& param_kind() const { return param_kind_; }
  const Answer<RequestMatch>& match() const { return match_; }

  PolicyVerdict judge(const RequestView& view, const ObjectSource& objects, const cel::Authorizer& authorizer,
                      const json::Tree* params) const;
  // Expressions that do not compile, by their places.
  std::vector<Cause> faults() const;

 private:
  struct Expression {
    std::string text;
    Result<cel::Program> program;
  };
  struct Variable {
    std::string name;
    Expression expression;
    std::vector<std::size_t> needs;  // earlier ones that it names
  };
  struct Validation {
    Expression expression;
    std::optional<Expression> message_expression;
    std::string message;
    std::string reason;
  };
  struct Annotation {
    std::string key;
    Expression expression;
  };
  class Variables;

  // `type`: of `variables`, which grows by each of them.
  void compile_variables(const json::Tree& spec, cel::Type& type);
  Expression compile(std::string_view text) const;
  bool uses(Name name) const;
  std::optional<PolicyFinding> judge(const Validation& validation, std::size_t index, RequestValues& values,
                                     cel::Budget& budget) const;
  std::optional<std::string> computed_message(const Validation& validation, RequestValues& values,
                                              cel::Budget& budget) const;
  void annotate(PolicyVerdict& verdict, RequestValues& values, cel::Budget& budget) const;

  std::string name_;
  bool fails_closed_ = true;
  std::string param_api_version_;
  std::string param_kind_;
  Answer<RequestMatch> match_;
  MatchConditions conditions_;
  cel::Environment environment_;  // while it is compiled
  std::vector<Variable> variables_;
  std::vector<Validation> validations_;
  std::vector<Annotation> annotations_;
  bool uses_namespace_ = false;
};

class PolicyBinding {
 public:
  explicit PolicyBinding(const json::Tree& object);

  const std::string& name() const { return name_; }
  const std::string& policy() const { return policy_; }
  const Answer<RequestMatch>& match() const { return match_; }
  bool has_action(std::string_view action) const;  // "Deny", "Warn", "Audit"
  const json::Tree& actions() const { return actions_; }

  // The objects of the policy's parameter kind that are meant; one null: it is judged once, without. What is
  // not as it should be is an error.
  Result<std::vector<json::Tree>> params(const ValidatingPolicy& policy, const ObjectSource& objects,
                                         const std::string& name_space) const;

 private:
  Result<std::vector<json::Tree>> find_params(const Resource& kind, const ObjectSource& objects,
                                              const std::string& name_space) const;

  std::string name_;
  std::string policy_;
  Answer<RequestMatch> match_;
  json::Tree actions_;
  std::optional<json::Tree> param_ref_;
};

}  // namespace gantry::kube::admission
