// SPDX-License-Identifier: Apache-2.0
//
// Role-based access control (https://kubernetes.io/docs/reference/access-authn-authz/rbac/): roles and
// bindings, followed as they change and kept so that a decision looks up the user and his groups and then
// compares a few words.
//
//   Rbac rbac(objects);                       // follows from here on
//   rbac.decide(request);
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "kube/access/authorizer.h"
#include "kube/api/object_source.h"

namespace gantry::kube {

// Of bindings and what they name; empty namespace: a ClusterRole.
struct RoleReference {
  std::string name_space;
  std::string name;
};

class Rbac final : public Authorizer {
 public:
  explicit Rbac(ObjectSource& objects);
  Rbac(const Rbac&) = delete;
  Rbac& operator=(const Rbac&) = delete;
  ~Rbac() override;

  Decision decide(const AccessRequest& request) const override;
  void list_rules(const User& user, std::string_view name_space, RuleList& list) const override;

  // What a role allows now, those that it aggregates included; nothing if there is no such role.
  std::optional<std::vector<PolicyRule>> rules_of(const RoleReference& role) const;
  // What the user holds in a namespace (empty: in the cluster as a whole).
  std::vector<PolicyRule> rules_of(const User& user, std::string_view name_space) const;

 private:
  class Index;
  const std::unique_ptr<Index> index_;
  std::vector<std::unique_ptr<ObjectFollower>> followers_;  // after index_, which they tell
};

}  // namespace gantry::kube
