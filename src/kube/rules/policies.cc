// SPDX-License-Identifier: Apache-2.0
//
// PodDisruptionBudget and HorizontalPodAutoscaler.
#include <fmt/format.h>

#include "kube/api/quantity.h"
#include "kube/rules/checks.h"
#include "kube/rules/kind_rules.h"

namespace gantry::kube::rules {
namespace {

constexpr std::string_view kEvictionPolicies[] = {"AlwaysAllow", "IfHealthyBudget"};
constexpr std::string_view kMetricTypes[] = {"ContainerResource", "External", "Object", "Pods", "Resource"};
constexpr std::string_view kTargetTypes[] = {"AverageValue", "Utilization", "Value"};
constexpr std::string_view kSelectPolicies[] = {"Disabled", "Max", "Min"};
constexpr std::string_view kScalingTypes[] = {"Percent", "Pods"};
constexpr std::int64_t kLongestWindow = 3600;  // seconds
constexpr std::int64_t kLongestPeriod = 1800;

void check_budget(const Spot& object) {
  const Spot spec = object["spec"];
  const Spot available = spec["minAvailable"];
  const Spot unavailable = spec["maxUnavailable"];
  if (available.is_set() && unavailable.is_set())
    spec.invalid("minAvailable and maxUnavailable cannot be both set");
  for (const Spot& value : {available, unavailable})
    if (value.is_set()) number_or_percent(value);
  label_selector(spec["selector"]);
  one_of_if_set(spec["unhealthyPodEvictionPolicy"], kEvictionPolicies);
}

void target(const Spot& target) {
  one_of(target["type"], kTargetTypes);
  const Spot utilization = target["averageUtilization"];
  if (utilization.is_set() && utilization.number() < 1) utilization.invalid("must be greater than 0");
  for (const char* field : {"value", "averageValue"}) {
    const Spot value = target[field];
    if (!value.is_set()) continue;
    const auto amount = Quantity::from_tree(value.value());
    if (!amount || amount->sign() <= 0) value.invalid("must be positive");
  }
}

struct MetricSource {
  std::string_view type;
  std::string_view field;
};
constexpr MetricSource kMetricSources[] = {{"ContainerResource", "containerResource"},
                                           {"External", "external"},
                                           {"Object", "object"},
                                           {"Pods", "pods"},
                                           {"Resource", "resource"}};

void metric(const Spot& metric) {
  one_of(metric["type"], kMetricTypes);
  for (const MetricSource& source : kMetricSources) {
    const Spot field = metric[source.field];
    const bool is_this = metric["type"].text() == source.type;
    if (is_this && !field.is_set())
      field.required(fmt::format("must populate information for the given metric source"));
    if (!is_this && field.is_set()) field.forbidden("must populate the given metric source only");
    if (is_this && field.is_set()) target(field["target"]);
  }
}

void scaling_rules(const Spot& rules) {
  if (!rules.is_set()) return;
  within(rules["stabilizationWindowSeconds"], 0, kLongestWindow);
  one_of_if_set(rules["selectPolicy"], kSelectPolicies);
  if (rules["policies"].size() == 0 && rules["policies"].is_set())
    rules["policies"].required("must specify at least one Policy");
  rules["policies"].each([](const Spot& policy) {
    one_of(policy["type"], kScalingTypes);
    if (policy["value"].number() <= 0) policy["value"].invalid("must be greater than zero");
    const Spot period = policy["periodSeconds"];
    if (period.number() <= 0 || period.number() > kLongestPeriod)
      period.invalid(fmt::format("must be greater than zero and less than or equal to {}", kLongestPeriod));
  });
}

// Of both versions; the older has one metric, the processor's.
void check_autoscaler(const Spot& object) {
  const Spot spec = object["spec"];
  const Spot least = spec["minReplicas"];
  if (least.is_set() && least.number() < 1) least.invalid("must be greater than or equal to 1");
  const Spot most = spec["maxReplicas"];
  if (most.number() < 1) most.invalid("must be greater than 0");
  if (least.is_set() && most.number() < least.number())
    most.invalid("must be greater than or equal to `minReplicas`");
  named(spec["scaleTargetRef"]["kind"], path_segment_faults);
  named(spec["scaleTargetRef"]["name"], path_segment_faults);
  const Spot processor = spec["targetCPUUtilizationPercentage"];
  if (processor.is_set() && processor.number() < 1) processor.invalid("must be greater than 0");
  spec["metrics"].each(metric);
  scaling_rules(spec["behavior"]["scaleUp"]);
  scaling_rules(spec["behavior"]["scaleDown"]);
}

constexpr const char* kScaledCounts[] = {"currentReplicas", "desiredReplicas"};
constexpr const char* kBudgetCounts[] = {"disruptionsAllowed", "currentHealthy", "desiredHealthy",
                                         "expectedPods"};

void update_autoscaler_status(const Spot& object, const json::Tree& /*before*/) {
  non_negative(object["status"], kScaledCounts);
}

void update_budget_status(const Spot& object, const json::Tree& /*before*/) {
  conditions(object["status"]["conditions"]);
  non_negative(object["status"], kBudgetCounts);
}

constexpr KindRules kRules[] = {
    {.group = "autoscaling",
     .kind = "HorizontalPodAutoscaler",
     .check = check_autoscaler,
     .check_status = update_autoscaler_status},
    {.group = "policy",
     .kind = "PodDisruptionBudget",
     .counts_generations = true,
     .check = check_budget,
     .check_status = update_budget_status},
};

}  // namespace

std::span<const KindRules> policy_rules() { return kRules; }

}  // namespace gantry::kube::rules
