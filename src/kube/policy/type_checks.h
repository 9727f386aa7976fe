// SPDX-License-Identifier: Apache-2.0
//
// What is probably wrong with a ValidatingAdmissionPolicy: expressions that do not fit the kinds that its
// rules name, status.typeChecking
// (https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/#type-checking).
// Nobody refuses the policy for that: expressions see objects without types.
#pragma once

#include <string>
#include <vector>

#include "base/json_tree.h"
#include "kube/schema/resource.h"

namespace gantry::kube::admission {

struct TypeWarning {
  std::string field;  // "spec.validations[0].expression"
  std::string text;  // for each kind: `apps/v1, Kind=Deployment: ERROR: <input>:1:7: undefined field 'x'` ...
};

// `served`: all resources that there are. At most ten kinds are looked at; rules with wildcards name none.
std::vector<TypeWarning> check_types(const json::Tree& policy, const std::vector<const Resource*>& served);

}  // namespace gantry::kube::admission
