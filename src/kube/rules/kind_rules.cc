// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/kind_rules.h"

#include <algorithm>
#include <tuple>
#include <vector>

namespace gantry::kube::rules {
namespace {

auto place(const KindRules& rules) { return std::tie(rules.group, rules.kind); }

std::vector<const KindRules*> all_rules() {
  std::vector<const KindRules*> all;
  for (const auto rules : {cluster_rules(), config_rules(), extension_rules(), job_rules(), namespace_rules(),
                           networking_rules(), persistent_volume_rules(), plain_rules(), pod_rules(),
                           policy_rules(), quota_rules(), role_rules(), service_rules(), workload_rules()})
    for (const KindRules& one : rules) all.push_back(&one);
  std::ranges::sort(all, {}, [](const KindRules* one) { return place(*one); });
  return all;
}

}  // namespace

const KindRules* find_rules(std::string_view group, std::string_view kind) {
  static const std::vector<const KindRules*> kAll = all_rules();
  const auto wanted = std::tie(group, kind);
  const auto at =
      std::ranges::lower_bound(kAll, wanted, {}, [](const KindRules* one) { return place(*one); });
  return at != kAll.end() && place(**at) == wanted ? *at : nullptr;
}

}  // namespace gantry::kube::rules
