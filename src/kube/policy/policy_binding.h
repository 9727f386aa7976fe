// SPDX-License-Identifier: Apache-2.0
//
// A binding of a policy, of either kind: for which of its requests it is in force, with which parameters.
// Immutable; for any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kube/policy/policy.h"

namespace gantry::kube::admission {

class PolicyBinding {
 public:
  explicit PolicyBinding(const json::Tree& object);

  const std::string& name() const { return name_; }
  const std::string& policy() const { return policy_; }
  const Answer<RequestMatch>& match() const { return match_; }
  // Of a ValidatingAdmissionPolicyBinding: "Deny", "Warn", "Audit".
  bool has_action(std::string_view action) const;
  const json::Tree& actions() const { return actions_; }

  // The objects of the policy's parameter kind that are meant; one null: it is looked at once, without. What
  // is not as it should be is an error.
  Result<std::vector<json::Tree>> params(const Policy& policy, const ObjectSource& objects,
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
