// SPDX-License-Identifier: Apache-2.0
//
// Job and CronJob.
#include <algorithm>

#include <fmt/format.h>

#include "kube/rules/checks.h"
#include "kube/rules/cron_schedule.h"
#include "kube/rules/kind_rules.h"
#include "kube/rules/pod_spec.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::string_view kRestartPolicies[] = {"OnFailure", "Never"};
constexpr std::string_view kModes[] = {"Indexed", "NonIndexed"};
constexpr std::string_view kConcurrency[] = {"Allow", "Forbid", "Replace"};
constexpr std::int64_t kIndexedCompletions = 100'000'000;
constexpr std::int64_t kIndexedParallelism = 100'000;
constexpr std::size_t kCronJobNameSize = 52;  // of it and 11 more characters jobs' names are made

void job_numbers(const Spot& spec) {
  for (const char* field : {"parallelism", "completions", "activeDeadlineSeconds", "backoffLimit",
                            "ttlSecondsAfterFinished", "maxFailedIndexes"})
    non_negative(spec[field]);
}

void indexed(const Spot& spec) {
  one_of_if_set(spec["completionMode"], kModes);
  if (spec["completionMode"].text() != "Indexed") {
    for (const char* field : {"backoffLimitPerIndex", "maxFailedIndexes"})
      if (spec[field].is_set()) spec[field].invalid("requires indexed completion mode");
    return;
  }
  const Spot completions = spec["completions"];
  if (!completions.is_set())
    completions.required("when completion mode is Indexed");
  else if (completions.number() > kIndexedCompletions)
    completions.invalid(fmt::format("must be less than or equal to {}", kIndexedCompletions));
  if (spec["parallelism"].number() > kIndexedParallelism)
    spec["parallelism"].invalid(
        fmt::format("must be less than or equal to {} when completion mode is Indexed", kIndexedParallelism));
}

void check_job_spec(const Spot& spec, const Tree* selector) {
  job_numbers(spec);
  indexed(spec);
  pod_template(spec["template"], selector, kRestartPolicies);
  const Spot policy = spec["podFailurePolicy"];
  if (policy.is_set() && spec["template"]["spec"]["restartPolicy"].text() != "Never")
    spec["template"]["spec"]["restartPolicy"].invalid(
        "only \"Never\" is supported when podFailurePolicy is specified");
}

void check_job(const Spot& object) {
  const Spot spec = object["spec"];
  const Spot selector = spec["selector"];
  if (!selector.is_set())
    selector.required();
  else
    label_selector(selector);
  check_job_spec(spec, selector.is_set() ? &selector.value() : nullptr);
}

bool is_suspended_and_was_not_started(const Tree& job) {
  const Tree* suspend = job.find("spec", "suspend");
  return suspend != nullptr && suspend->as_bool() && job.find("status", "startTime") == nullptr;
}

void update_job(const Spot& object, const Tree& before) {
  const Spot spec = object["spec"];
  const bool may_scale = spec["completionMode"].text() == "Indexed" &&
                         is_same(&spec["completions"].value(), &spec["parallelism"].value());
  if (!may_scale) immutable(spec["completions"], before.find("spec", "completions"));
  immutable(spec["selector"], before.find("spec", "selector"));
  if (!is_suspended_and_was_not_started(before)) immutable(spec["template"], before.find("spec", "template"));
  for (const char* field :
       {"completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"})
    immutable(spec[field], before.find("spec", field));
}

constexpr const char* kUidLabels[] = {"controller-uid", "batch.kubernetes.io/controller-uid"};
constexpr const char* kNameLabels[] = {"job-name", "batch.kubernetes.io/job-name"};

// A job that does not say which pods are its own gets labels and a selector that nobody else has.
void prepare_job(Tree& object, const Tree* before) {
  if (before != nullptr) return;
  const std::string name(object.text_at("metadata", "name"));
  const std::string uid(object.text_at("metadata", "uid"));
  json::TreeObject& spec = object.object()["spec"].object();
  const Tree* manual = spec.find("manualSelector");
  if (manual != nullptr && manual->as_bool()) return;
  json::TreeObject& labels = spec["template"].object()["metadata"].object()["labels"].object();
  for (const char* label : kUidLabels) labels[label] = uid;
  for (const char* label : kNameLabels) labels[label] = name;
  spec["selector"].object()["matchLabels"].object()[kUidLabels[1]] = uid;
}

void check_cron_job(const Spot& object) {
  const Spot spec = object["spec"];
  const Spot schedule = spec["schedule"];
  if (schedule.text().empty())
    schedule.required();
  else if (schedule.text().find("TZ") != std::string_view::npos)
    schedule.invalid("cannot use TZ or CRON_TZ in schedule, use timeZone field instead");
  else if (const auto fault = schedule_fault(schedule.text()))
    schedule.invalid(*fault);
  non_negative(spec["startingDeadlineSeconds"]);
  non_negative(spec["successfulJobsHistoryLimit"]);
  non_negative(spec["failedJobsHistoryLimit"]);
  one_of(spec["concurrencyPolicy"], kConcurrency);
  if (spec["timeZone"].is_set() && spec["timeZone"].text().empty())
    spec["timeZone"].invalid("timeZone must be nil or non-empty string");
  const Spot job = spec["jobTemplate"]["spec"];
  labels(spec["jobTemplate"]["metadata"]["labels"]);
  check_job_spec(job, nullptr);
  if (job["manualSelector"].flag()) job["manualSelector"].not_supported({});
}

Faults cron_job_name_faults(std::string_view name) {
  Faults faults = dns_subdomain_faults(name);
  if (name.size() > kCronJobNameSize)
    faults.push_back(fmt::format("must be no more than {} characters", kCronJobNameSize));
  return faults;
}

constexpr KindRules kRules[] = {
    {.group = "batch",
     .kind = "Job",
     .counts_generations = true,
     .prepare = prepare_job,
     .check = check_job,
     .check_update = update_job},
    {.group = "batch",
     .kind = "CronJob",
     .name_faults = cron_job_name_faults,
     .counts_generations = true,
     .check = check_cron_job},
};

}  // namespace

std::span<const KindRules> job_rules() { return kRules; }

}  // namespace gantry::kube::rules
