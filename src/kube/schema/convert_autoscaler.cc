// SPDX-License-Identifier: Apache-2.0
#include "kube/schema/convert_autoscaler.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace gantry::kube {
namespace {

using json::Tree;
using json::TreeArray;
using json::TreeObject;

constexpr std::string_view kMetricsAnnotation = "autoscaling.alpha.kubernetes.io/metrics";
constexpr std::string_view kBehaviorAnnotation = "autoscaling.alpha.kubernetes.io/behavior";

// A field of a metric's source: below "metric", "target" or the source itself in v2, one field in v1.
struct SourceField {
  std::string_view source;  // "pods"
  std::string_view parent;  // in v2; empty: the source
  std::string_view v2;
  std::string_view v1;
};
constexpr SourceField kSourceFields[] = {
    {"resource", "", "name", "name"},
    {"resource", "target", "averageUtilization", "targetAverageUtilization"},
    {"resource", "target", "averageValue", "targetAverageValue"},
    {"containerResource", "", "name", "name"},
    {"containerResource", "", "container", "container"},
    {"containerResource", "target", "averageUtilization", "targetAverageUtilization"},
    {"containerResource", "target", "averageValue", "targetAverageValue"},
    {"pods", "metric", "name", "metricName"},
    {"pods", "metric", "selector", "selector"},
    {"pods", "target", "averageValue", "targetAverageValue"},
    {"object", "", "describedObject", "target"},
    {"object", "metric", "name", "metricName"},
    {"object", "metric", "selector", "selector"},
    {"object", "target", "value", "targetValue"},
    {"object", "target", "averageValue", "averageValue"},
    {"external", "metric", "name", "metricName"},
    {"external", "metric", "selector", "metricSelector"},
    {"external", "target", "value", "targetValue"},
    {"external", "target", "averageValue", "targetAverageValue"},
};

std::string_view target_type(const Tree& target) {
  if (target.find("averageUtilization") != nullptr) return "Utilization";
  return target.find("averageValue") != nullptr ? "AverageValue" : "Value";
}

Tree metric_to_v2(const Tree& metric) {
  TreeObject made;
  if (const Tree* const type = metric.find("type")) made["type"] = *type;
  for (const auto& [source, parent, v2, v1] : kSourceFields) {
    const Tree* const value = metric.find(source, v1);
    if (value == nullptr) continue;
    TreeObject& fields = made[source].object();
    (parent.empty() ? fields : fields[parent].object())[v2] = *value;
    const std::string_view target = target_type(fields["target"]);
    fields["target"].object()["type"] = target;
  }
  return made;
}

Tree metric_to_v1(const Tree& metric) {
  TreeObject made;
  if (const Tree* const type = metric.find("type")) made["type"] = *type;
  for (const auto& [source, parent, v2, v1] : kSourceFields) {
    const Tree* fields = metric.find(source);
    if (fields != nullptr && !parent.empty()) fields = fields->find(parent);
    if (const Tree* const value = fields == nullptr ? nullptr : fields->find(v2))
      made[source].object()[v1] = *value;
  }
  return made;
}

Tree cpu_metric(const Tree& percent) {
  TreeObject metric;
  metric["type"] = "Resource";
  metric["resource"].object()["name"] = "cpu";
  metric["resource"].object()["target"].object()["type"] = "Utilization";
  metric["resource"].object()["target"].object()["averageUtilization"] = percent;
  return metric;
}

// The processors' use in percent that a metric asks for (`kind` "target") or tells ("current"); null if it is
// another metric.
const Tree* cpu_percent(const Tree& metric, std::string_view kind) {
  if (metric.text_at("type") != "Resource" || metric.text_at("resource", "name") != "cpu") return nullptr;
  return metric.find("resource", kind, "averageUtilization");
}

// Takes the annotation away; what it says, if that can be read.
std::optional<Tree> take_annotation(TreeObject& autoscaler, std::string_view name) {
  Tree* const metadata = autoscaler.find("metadata");
  Tree* const annotations = metadata == nullptr ? nullptr : metadata->object().find("annotations");
  Tree* const text = annotations == nullptr ? nullptr : annotations->object().find(name);
  if (text == nullptr) return std::nullopt;
  Result<Tree> value = Tree::parse(std::string(text->as_string()));
  annotations->object().erase(name);
  if (annotations->object().empty()) metadata->object().erase("annotations");
  return value ? std::optional(std::move(*value)) : std::nullopt;
}

void annotate(TreeObject& autoscaler, std::string_view name, const Tree& value) {
  autoscaler["metadata"].object()["annotations"].object()[name] = value.to_text();
}

void spec_to_v2(TreeObject& autoscaler) {
  const std::optional<Tree> others = take_annotation(autoscaler, kMetricsAnnotation);
  std::optional<Tree> behavior = take_annotation(autoscaler, kBehaviorAnnotation);
  Tree* const spec = autoscaler.find("spec");
  if (spec == nullptr) return;
  TreeArray metrics;
  if (others)
    for (const Tree& metric : others->array()) metrics.push_back(metric_to_v2(metric));
  if (const Tree* const percent = spec->find("targetCPUUtilizationPercentage")) {
    metrics.push_back(cpu_metric(*percent));
    spec->object().erase("targetCPUUtilizationPercentage");
  }
  if (!metrics.empty()) spec->object()["metrics"] = std::move(metrics);
  if (behavior) spec->object()["behavior"] = std::move(*behavior);
}

void spec_from_v2(TreeObject& autoscaler) {
  Tree* const spec = autoscaler.find("spec");
  if (spec == nullptr) return;
  TreeArray others;
  std::optional<Tree> percent;
  if (const Tree* const metrics = spec->find("metrics")) {
    for (const Tree& metric : metrics->array()) {
      const Tree* const cpu = percent ? nullptr : cpu_percent(metric, "target");
      if (cpu != nullptr)
        percent = *cpu;
      else
        others.push_back(metric_to_v1(metric));
    }
  }
  spec->object().erase("metrics");
  if (percent) spec->object()["targetCPUUtilizationPercentage"] = std::move(*percent);
  if (!others.empty()) annotate(autoscaler, kMetricsAnnotation, Tree(std::move(others)));
  TreeObject& fields = autoscaler["spec"].object();
  if (const Tree* const behavior = fields.find("behavior")) {
    annotate(autoscaler, kBehaviorAnnotation, *behavior);
    autoscaler["spec"].object().erase("behavior");
  }
}

void status_to_v2(TreeObject& status) {
  const Tree* const percent = status.find("currentCPUUtilizationPercentage");
  if (percent == nullptr) return;
  TreeObject metric;
  metric["type"] = "Resource";
  metric["resource"].object()["name"] = "cpu";
  metric["resource"].object()["current"].object()["averageUtilization"] = *percent;
  status.erase("currentCPUUtilizationPercentage");
  status["currentMetrics"] = TreeArray{std::move(metric)};
}

void status_from_v2(TreeObject& status) {
  std::optional<Tree> percent;
  if (const Tree* const metrics = status.find("currentMetrics"))
    for (const Tree& metric : metrics->array())
      if (const Tree* const cpu = cpu_percent(metric, "current")) percent = *cpu;
  status.erase("currentMetrics");
  status.erase("conditions");
  if (percent) status["currentCPUUtilizationPercentage"] = std::move(*percent);
}

}  // namespace

void autoscaler_to_v2(TreeObject& autoscaler) {
  spec_to_v2(autoscaler);
  if (Tree* const status = autoscaler.find("status")) status_to_v2(status->object());
}

void autoscaler_from_v2(TreeObject& autoscaler) {
  spec_from_v2(autoscaler);
  if (Tree* const status = autoscaler.find("status")) status_from_v2(status->object());
}

}  // namespace gantry::kube
