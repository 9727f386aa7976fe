// SPDX-License-Identifier: Apache-2.0
//
// One ValidatingAdmissionPolicy, compiled
// (https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/). Immutable; for any
// thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kube/policy/policy.h"

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

class ValidatingPolicy : public Policy {
 public:
  explicit ValidatingPolicy(const json::Tree& object);

  PolicyVerdict judge(const RequestView& view, const ObjectSource& objects, const cel::Authorizer& authorizer,
                      const json::Tree* params) const;
  // Expressions that do not compile, by their places.
  std::vector<Cause> faults() const;

 private:
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

  bool uses(Name name) const;
  std::optional<PolicyFinding> judge(const Validation& validation, std::size_t index, RequestValues& values,
                                     cel::Budget& budget) const;
  std::optional<std::string> computed_message(const Validation& validation, RequestValues& values,
                                              cel::Budget& budget) const;
  void annotate(PolicyVerdict& verdict, RequestValues& values, cel::Budget& budget) const;

  std::vector<Validation> validations_;
  std::vector<Annotation> annotations_;
  bool uses_namespace_ = false;
};

}  // namespace gantry::kube::admission
