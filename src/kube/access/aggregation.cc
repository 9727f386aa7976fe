// SPDX-License-Identifier: Apache-2.0
#include "kube/access/aggregation.h"

#include <algorithm>
#include <set>

namespace gantry::kube {
namespace {

bool selects(const ClusterRole& role, const ClusterRole& other) {
  return std::ranges::any_of(role.selectors,
                             [&](const LabelSelector& selector) { return selector.matches(other.labels); });
}

// What `role` comes to select, itself left out.
void collect(const ClusterRole& role, std::span<const ClusterRole* const> all,
             std::set<const ClusterRole*>& found) {
  for (const ClusterRole* other : all) {
    if (!selects(role, *other) || !found.insert(other).second) continue;
    if (other->is_aggregated) collect(*other, all, found);
  }
}

}  // namespace

ClusterRole ClusterRole::from_tree(const json::Tree& tree) {
  ClusterRole role{.name = std::string(tree.text_at("metadata", "name")),
                   .rules = rules_from_tree(tree.find("rules"))};
  if (const json::Tree* labels = tree.find("metadata", "labels")) role.labels = *labels;
  const json::Tree* aggregation = tree.find("aggregationRule");
  role.is_aggregated = aggregation != nullptr && aggregation->is_object();
  if (!role.is_aggregated) return role;
  if (const json::Tree* selectors = aggregation->find("clusterRoleSelectors"))
    for (const json::Tree& each : selectors->array())
      if (auto selector = LabelSelector::from_tree(each)) role.selectors.push_back(*std::move(selector));
  return role;
}

std::vector<PolicyRule> aggregated_rules(const ClusterRole& role, std::span<const ClusterRole* const> all) {
  std::set<const ClusterRole*> found;
  collect(role, all, found);
  std::vector<const ClusterRole*> sources;
  for (const ClusterRole* source : found)
    if (!source->is_aggregated) sources.push_back(source);
  std::ranges::sort(sources, {}, &ClusterRole::name);
  std::vector<PolicyRule> rules;
  for (const ClusterRole* source : sources)
    for (const PolicyRule& rule : source->rules)
      if (std::ranges::find(rules, rule) == rules.end()) rules.push_back(rule);
  return rules;
}

}  // namespace gantry::kube
