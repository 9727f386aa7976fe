// SPDX-License-Identifier: Apache-2.0
#include "kube/control_plane/policy_types.h"

#include "kube/control_plane/own_writes.h"
#include "kube/policy/type_checks.h"
#include "kube/schema/catalog.h"

namespace gantry::kube {
namespace {

bool is_checked(const json::Tree& policy) {
  const json::Tree* generation = policy.find("metadata", "generation");
  const json::Tree* observed = policy.find("status", "observedGeneration");
  return generation == nullptr || (observed != nullptr && *observed == *generation);
}

json::Tree type_checking(const std::vector<admission::TypeWarning>& warnings) {
  json::TreeArray listed;
  for (const admission::TypeWarning& warning : warnings) {
    json::TreeObject one;
    one["fieldRef"] = warning.field;
    one["warning"] = warning.text;
    listed.emplace_back(std::move(one));
  }
  json::TreeObject checking;
  if (!listed.empty()) checking["expressionWarnings"] = std::move(listed);
  return checking;
}

}  // namespace

bool check_policy_types(const Verbs& verbs, const ObjectSource& objects, const Served& served) {
  const Resource& resource =
      *Catalog::built_in().find_kind("admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicy");
  bool is_to_look_again = false;
  for (json::Tree& policy : objects.list(kValidatingPolicies, "")) {
    if (is_checked(policy)) continue;
    json::TreeObject& status = policy.object()["status"].object();
    status["typeChecking"] = type_checking(admission::check_types(policy, served.resources()));
    status["observedGeneration"] = *policy.find("metadata", "generation");
    is_to_look_again |= !update_own(verbs, resource, policy, "status");
  }
  return is_to_look_again;
}

}  // namespace gantry::kube
