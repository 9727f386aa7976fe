// SPDX-License-Identifier: Apache-2.0
#include "kube/policy/policy.h"

#include "kube/api/tree_lists.h"

namespace gantry::kube::admission {

Policy::Policy(const json::Tree& object)
    : name_(object.text_at("metadata", "name")),
      fails_closed_(object.text_at("spec", "failurePolicy") != "Ignore"),
      param_api_version_(object.text_at("spec", "paramKind", "apiVersion")),
      param_kind_(object.text_at("spec", "paramKind", "kind")),
      match_(
          RequestMatch::from_tree(member_of(member_of(object, "spec"), "matchConstraints"), "resourceRules")),
      conditions_(object.find("spec", "matchConditions"), has_params()),
      variables_(member_of(object, "spec"), {.has_params = has_params()}) {}

Result<bool> Policy::applies(RequestValues& values) const {
  if (conditions_.is_empty()) return true;
  return conditions_.hold(values);
}

std::vector<Cause> Policy::common_faults() const {
  std::vector<Cause> causes;
  conditions_.add_faults(causes, "spec.matchConditions");
  variables_.add_faults(causes);
  return causes;
}

}  // namespace gantry::kube::admission
