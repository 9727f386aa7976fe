// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/kind_rules.h"

#include <algorithm>
#include <tuple>
#include <vector>

namespace gantry::kube::rules {
namespace {

auto place(const KindRules& rules) { return std::tie(rules.group, rules.kind); }

std::vector<const KindRules*> sorted_rules() {
  std::vector<const KindRules*> all;
  for (const auto rules : {admission_policy_rules(),
                           autoscaler_rules(),
                           certificate_rules(),
                           cluster_rules(),
                           config_rules(),
                           endpoint_rules(),
                           extension_rules(),
                           flow_control_rules(),
                           job_rules(),
                           namespace_rules(),
                           networking_rules(),
                           persistent_volume_rules(),
                           plain_rules(),
                           pod_rules(),
                           policy_rules(),
                           quota_rules(),
                           role_rules(),
                           service_rules(),
                           service_address_rules(),
                           storage_rules(),
                           webhook_rules(),
                           workload_rules()})
    for (const KindRules& one : rules) all.push_back(&one);
  std::ranges::sort(all, {}, [](const KindRules* one) { return place(*one); });
  return all;
}

}  // namespace

std::span<const KindRules* const> all_rules() {
  static const std::vector<const KindRules*> kAll = sorted_rules();
  return kAll;
}

const KindRules* find_rules(std::string_view group, std::string_view kind) {
  const auto all = all_rules();
  const auto wanted = std::tie(group, kind);
  const auto at = std::ranges::lower_bound(all, wanted, {}, [](const KindRules* one) { return place(*one); });
  return at != all.end() && place(**at) == wanted ? *at : nullptr;
}

}  // namespace gantry::kube::rules
