// SPDX-License-Identifier: Apache-2.0
//
// ClusterRoles that are made of others, found by their labels
// (https://kubernetes.io/docs/reference/access-authn-authz/rbac/#aggregated-clusterroles).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/json_tree.h"
#include "kube/access/policy_rule.h"
#include "kube/api/selector.h"

namespace gantry::kube {

struct ClusterRole {
  std::string name;
  json::Tree labels;
  std::vector<PolicyRule> rules;
  bool is_aggregated = false;            // then `rules` are what others gave it once
  std::vector<LabelSelector> selectors;  // of an aggregated one; those that are none select nothing

  static ClusterRole from_tree(const json::Tree& role);
};

// What an aggregated role allows: the rules of all that it selects, and what those select in turn; each rule
// once, in the order of the roles' names.
std::vector<PolicyRule> aggregated_rules(const ClusterRole& role, std::span<const ClusterRole* const> all);

}  // namespace gantry::kube
