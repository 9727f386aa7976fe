// SPDX-License-Identifier: Apache-2.0
//
// PodDisruptionBudget.
#include "kube/rules/checks.h"
#include "kube/rules/kind_rules.h"

namespace gantry::kube::rules {
namespace {

constexpr std::string_view kEvictionPolicies[] = {"AlwaysAllow", "IfHealthyBudget"};

void check_budget(const Spot& object) {
  const Spot spec = object["spec"];
  const Spot available = spec["minAvailable"];
  const Spot unavailable = spec["maxUnavailable"];
  if (available.is_set() && unavailable.is_set())
    spec.invalid("minAvailable and maxUnavailable cannot be both set");
  for (const Spot& value : {available, unavailable}) {
    if (!value.is_set()) continue;
    number_or_percent(value);
    at_most_everything(value);
  }
  label_selector(spec["selector"]);
  one_of_if_set(spec["unhealthyPodEvictionPolicy"], kEvictionPolicies);
}

constexpr const char* kBudgetCounts[] = {"disruptionsAllowed", "currentHealthy", "desiredHealthy",
                                         "expectedPods"};

void update_budget_status(const Spot& object, const json::Tree& /*before*/) {
  conditions(object["status"]["conditions"]);
  non_negative(object["status"], kBudgetCounts);
}

constexpr KindRules kRules[] = {
    {.group = "policy",
     .kind = "PodDisruptionBudget",
     .counts_generations = true,
     .check = check_budget,
     .check_status = update_budget_status},
};

}  // namespace

std::span<const KindRules> policy_rules() { return kRules; }

}  // namespace gantry::kube::rules
