// SPDX-License-Identifier: Apache-2.0
//
// A rule of a role (rbac.authorization.k8s.io/v1 PolicyRule): verbs on resources, or on paths.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_tree.h"
#include "kube/api/user.h"

namespace gantry::kube {

struct PolicyRule {
  std::vector<std::string> verbs;
  std::vector<std::string> groups;
  std::vector<std::string> resources;  // "pods", "pods/log", "*", "*/scale"
  std::vector<std::string> names;      // empty: all
  std::vector<std::string> paths;      // "/healthz", "/api/*"; then there are no resources

  static PolicyRule from_tree(const json::Tree& rule);
  json::Tree to_tree() const;
  // As refusals show it: {APIGroups:[""], Resources:["pods"], Verbs:["list"]}.
  std::string text() const;

  friend bool operator==(const PolicyRule&, const PolicyRule&) = default;
};

// The array `rules` of a role; what is no array has none.
std::vector<PolicyRule> rules_from_tree(const json::Tree* rules);

bool allows(const PolicyRule& rule, const AccessRequest& request);

// What of `wanted` the rules in `owned` do not allow, each as a rule with one verb, group, resource and name:
// who grants must hold at least as much.
std::vector<PolicyRule> not_covered(std::span<const PolicyRule> owned, std::span<const PolicyRule> wanted);

// The same rules with neighbours that differ only in their verbs made one, as refusals list them.
std::vector<PolicyRule> compact(std::vector<PolicyRule> rules);

}  // namespace gantry::kube
