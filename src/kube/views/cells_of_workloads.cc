// SPDX-License-Identifier: Apache-2.0
//
// Deployments and their like, jobs, autoscalers.
#include <fmt/format.h>

#include "base/timestamp.h"
#include "kube/views/age.h"
#include "kube/views/cell.h"
#include "kube/views/value_access.h"

namespace gantry::kube::views {
namespace {

using json::Value;

constexpr std::int64_t kNanoseconds = 1'000'000'000;  // in a second

void ready_replicas(const Cell& cell) {
  cell.write(fmt::format("{}/{}", number_at(cell.object, "status", "readyReplicas"),
                         number_at(cell.object, "spec", "replicas")));
}

// Who made it: "deployment.apps/web".
void controller(const Cell& cell) {
  std::string found;
  for_each(at(cell.object, "metadata", "ownerReferences"), [&](const Value& owner) {
    if (!is_true_at(owner, "controller")) return;
    std::string kind(text_at(owner, "kind"));
    for (char& c : kind) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 'a' - 'A') : c;
    const std::string_view api_version = text_at(owner, "apiVersion");
    const std::size_t slash = api_version.find('/');
    if (slash != std::string_view::npos) kind = fmt::format("{}.{}", kind, api_version.substr(0, slash));
    found = fmt::format("{}/{}", kind, text_at(owner, "name"));
  });
  cell.write(found, "<none>");
}

void job_status(const Cell& cell) {
  const Value& job = cell.object;
  if (has_condition(job, "Complete")) return cell.write("Complete");
  if (has_condition(job, "Failed")) return cell.write("Failed");
  if (!text_at(job, "metadata", "deletionTimestamp").empty()) return cell.write("Terminating");
  for (const std::string_view type : {"Suspended", "FailureTarget", "SuccessCriteriaMet"})
    if (has_condition(job, type)) return cell.write(type);
  cell.write("Running");
}

void job_completions(const Cell& cell) {
  const std::int64_t succeeded = number_at(cell.object, "status", "succeeded");
  const std::int64_t parallelism = number_at(cell.object, "spec", "parallelism");
  if (at(cell.object, "spec", "completions"))
    return cell.write(fmt::format("{}/{}", succeeded, number_at(cell.object, "spec", "completions")));
  if (parallelism > 1) return cell.write(fmt::format("{}/1 of {}", succeeded, parallelism));
  cell.write(fmt::format("{}/1", succeeded));
}

// When it ended, if it has; a failed one says so in its condition only.
std::string_view end_of_job(const Value& job) {
  const std::string_view completed = text_at(job, "status", "completionTime");
  if (!completed.empty() || !has_condition(job, "Failed")) return completed;
  return text_at(*condition_of(job, "Failed"), "lastTransitionTime");
}

void job_duration(const Cell& cell) {
  const auto started = parse_timestamp(text_at(cell.object, "status", "startTime"));
  if (!started) return cell.write("");
  const auto ended = parse_timestamp(end_of_job(cell.object));
  cell.write(age_text((ended ? *ended / kNanoseconds : cell.now) - *started / kNanoseconds));
}

void hpa_reference(const Cell& cell) {
  cell.write(fmt::format("{}/{}", text_at(cell.object, "spec", "scaleTargetRef", "kind"),
                         text_at(cell.object, "spec", "scaleTargetRef", "name")));
}

// The member that a metric keeps its values in.
std::string_view member_of(std::string_view metric_type) {
  if (metric_type == "Resource") return "resource";
  if (metric_type == "ContainerResource") return "containerResource";
  if (metric_type == "Pods") return "pods";
  if (metric_type == "Object") return "object";
  if (metric_type == "External") return "external";
  return {};
}

// What is measured, or wished for: "80%", "200m", "1k (avg)".
std::string amount(const Value& values, bool is_averaged) {
  if (at(values, "averageUtilization")) return fmt::format("{}%", number_at(values, "averageUtilization"));
  if (const auto average = at(values, "averageValue"))
    return fmt::format("{}{}", plain_text(*average), is_averaged ? " (avg)" : "");
  if (const auto value = at(values, "value")) return plain_text(*value);
  return "<unknown>";
}

// "cpu: 40%/80%"; what metrics of objects and of the outside are called is not shown.
std::string metric_text(const Value& metric, const std::optional<Value>& current) {
  const std::string_view type = text_at(metric, "type");
  const std::string_view member = member_of(type);
  const auto spec = at(metric, member);
  if (!spec) return "<unknown type>";
  const auto target = at(*spec, "target");
  // Averages of these two may stand beside plain values.
  const bool is_averaged = (type == "External" || type == "Object") && target && at(*target, "averageValue");
  const auto measured = current ? at(*current, member, "current") : std::nullopt;
  const std::string values = fmt::format("{}/{}", measured ? amount(*measured, is_averaged) : "<unknown>",
                                         target ? amount(*target, is_averaged) : "<auto>");
  const std::string_view name = text_at(*spec, "name");
  return name.empty() ? values : fmt::format("{}: {}", name, values);
}

void hpa_targets(const Cell& cell) {
  std::vector<std::string> metrics;
  const auto current = at(cell.object, "status", "currentMetrics");
  for_each(at(cell.object, "spec", "metrics"), [&](const Value& metric) {
    const std::size_t index = metrics.size();
    metrics.push_back(
        metric_text(metric, index < size_of(current) ? std::optional(current->at(index)) : std::nullopt));
  });
  constexpr std::size_t kShown = 2;
  const std::size_t shown = std::min(kShown, metrics.size());
  std::string text = fmt::format("{}", fmt::join(metrics.begin(), metrics.begin() + shown, ", "));
  if (shown < metrics.size()) text += fmt::format(" + {} more...", metrics.size() - shown);
  cell.write(text, "<none>");
}

void hpa_v1_targets(const Cell& cell) {
  if (!at(cell.object, "spec", "targetCPUUtilizationPercentage")) return cell.write("<none>");
  const auto current = at(cell.object, "status", "currentCPUUtilizationPercentage");
  cell.write(fmt::format("cpu: {}/{}%",
                         current ? fmt::format("{}%", current->as_int64().value_or(0)) : "<unknown>",
                         number_at(cell.object, "spec", "targetCPUUtilizationPercentage")));
}

constexpr NamedCell kCells[] = {
    {"ready_replicas", ready_replicas}, {"controller", controller},
    {"job_status", job_status},         {"job_completions", job_completions},
    {"job_duration", job_duration},     {"hpa_reference", hpa_reference},
    {"hpa_targets", hpa_targets},       {"hpa_v1_targets", hpa_v1_targets},
};

}  // namespace

NamedCells workload_cells() { return kCells; }

}  // namespace gantry::kube::views
