// SPDX-License-Identifier: Apache-2.0
//
// HorizontalPodAutoscaler.
#include <algorithm>

#include <fmt/format.h>

#include "kube/api/quantity.h"
#include "kube/rules/checks.h"
#include "kube/rules/kind_rules.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::string_view kMetricTypes[] = {"ContainerResource", "External", "Object", "Pods", "Resource"};
constexpr std::string_view kTargetTypes[] = {"Utilization", "Value", "AverageValue"};
constexpr std::string_view kSelectPolicies[] = {"Disabled", "Max", "Min"};
constexpr std::string_view kScalingTypes[] = {"Percent", "Pods"};
constexpr std::int64_t kLongestWindow = 3600;  // seconds
constexpr std::int64_t kLongestPeriod = 1800;

void above_zero(const Spot& number) {
  if (number.number() <= 0) number.invalid("must be greater than zero");
}
void at_most(const Spot& number, std::int64_t limit) {
  if (number.number() > limit) number.invalid(fmt::format("must be less than or equal to {}", limit));
}

// ---- What is aimed at

void target(const Spot& target) {
  const Spot type = target["type"];
  if (type.text().empty()) type.required("must specify a metric target type");
  if (std::ranges::find(kTargetTypes, type.text()) == std::end(kTargetTypes))
    type.invalid("must be either Utilization, Value, or AverageValue");
  for (const char* field : {"value", "averageValue"}) {
    const Spot value = target[field];
    if (!value.is_set()) continue;
    const auto amount = Quantity::from_tree(value.value());
    if (!amount || amount->sign() <= 0) value.invalid("must be positive");
  }
  const Spot utilization = target["averageUtilization"];
  if (utilization.is_set() && utilization.number() < 1) utilization.invalid("must be greater than 0");
}

bool has_none_of(const Spot& target, std::initializer_list<const char*> fields) {
  return std::ranges::none_of(fields, [&](const char* field) { return target[field].is_set(); });
}

// Of a metric that somebody else counts.
void metric_name(const Spot& metric) {
  const Spot name = metric["name"];
  if (name.text().empty())
    name.required("must specify a metric name");
  else
    name.invalid_for(path_segment_faults(name.text()));
}

void object_metric(const Spot& source) {
  const Spot described = source["describedObject"];
  named(described["kind"], path_segment_faults);
  named(described["name"], path_segment_faults);
  metric_name(source["metric"]);
  const Spot aim = source["target"];
  target(aim);
  if (has_none_of(aim, {"value", "averageValue"}))
    aim["averageValue"].required("must set either a target value or averageValue");
}

void external_metric(const Spot& source) {
  metric_name(source["metric"]);
  const Spot aim = source["target"];
  target(aim);
  if (has_none_of(aim, {"value", "averageValue"}))
    aim["averageValue"].required("must set either a target value for metric or a per-pod target");
  if (aim["value"].is_set() && aim["averageValue"].is_set())
    aim["value"].forbidden("may not set both a target value for metric and a per-pod target");
}

void pods_metric(const Spot& source) {
  metric_name(source["metric"]);
  const Spot aim = source["target"];
  target(aim);
  if (has_none_of(aim, {"averageValue"}))
    aim["averageValue"].required("must specify a positive target averageValue");
}

void resource_metric(const Spot& source) {
  required(source["name"], "must specify a resource name");
  const Spot aim = source["target"];
  target(aim);
  if (has_none_of(aim, {"averageUtilization", "averageValue"}))
    aim["averageUtilization"].required("must set either a target raw value or a target utilization");
  if (aim["averageUtilization"].is_set() && aim["averageValue"].is_set())
    aim["averageValue"].forbidden("may not set both a target raw value and a target utilization");
}

void container_metric(const Spot& source) {
  if (const Spot container = source["container"]; container.text().empty())
    container.required("must specify a container");
  else
    container.invalid_for(dns_label_faults(container.text()));
  resource_metric(source);
}

// ---- Where the number comes from

struct MetricSource {
  std::string_view type;
  const char* field;
  void (*check)(const Spot& source);
};
// In Kubernetes' order: of several the first is looked at.
constexpr MetricSource kMetricSources[] = {{"Object", "object", object_metric},
                                           {"External", "external", external_metric},
                                           {"Pods", "pods", pods_metric},
                                           {"Resource", "resource", resource_metric},
                                           {"ContainerResource", "containerResource", container_metric}};

void metric(const Spot& metric) {
  const Spot type = metric["type"];
  if (type.text().empty()) type.required("must specify a metric source type");
  if (std::ranges::find(kMetricTypes, type.text()) == std::end(kMetricTypes))
    type.not_supported(kMetricTypes);
  bool has_source = false, has_own = false;
  for (const MetricSource& source : kMetricSources) {
    const Spot field = metric[source.field];
    if (!field.is_set()) continue;
    has_own |= type.text() == source.type;
    if (!has_source) source.check(field);
    has_source = true;
  }
  for (const MetricSource& source : kMetricSources) {
    const bool is_own = type.text() == source.type;
    if (is_own && !has_own)
      metric[source.field].required("must populate information for the given metric source");
    if (!is_own && metric[source.field].is_set())
      metric[source.field].forbidden("must populate the given metric source only");
  }
}

// ---- How fast

void scaling_policy(const Spot& policy) {
  if (const Spot type = policy["type"];
      std::ranges::find(kScalingTypes, type.text()) == std::end(kScalingTypes))
    type.not_supported(kScalingTypes);
  above_zero(policy["value"]);
  above_zero(policy["periodSeconds"]);
  at_most(policy["periodSeconds"], kLongestPeriod);
}

void scaling_rules(const Spot& rules) {
  if (!rules.is_set()) return;
  const Spot window = rules["stabilizationWindowSeconds"];
  if (window.number() < 0) window.invalid("must be greater than or equal to zero");
  at_most(window, kLongestWindow);
  one_of_if_set(rules["selectPolicy"], kSelectPolicies);
  const Spot policies = rules["policies"];
  if (policies.size() == 0) policies.required("must specify at least one Policy");
  policies.each(scaling_policy);
  const Spot tolerance = rules["tolerance"];
  const auto amount = Quantity::from_tree(tolerance.value());
  if (tolerance.is_set() && (!amount || amount->sign() < 0))
    tolerance.invalid("must be greater than or equal to zero");
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

void update_autoscaler_status(const Spot& object, const Tree& /*before*/) {
  non_negative(object["status"], kScaledCounts);
}

constexpr KindRules kRules[] = {
    {.group = "autoscaling",
     .kind = "HorizontalPodAutoscaler",
     .check = check_autoscaler,
     .check_status = update_autoscaler_status},
};

}  // namespace

std::span<const KindRules> autoscaler_rules() { return kRules; }

}  // namespace gantry::kube::rules
