// SPDX-License-Identifier: Apache-2.0
//
// Job and CronJob.
#include <algorithm>

#include <fmt/format.h>

#include "base/lower_case.h"
#include "base/split.h"
#include "kube/api/selector.h"
#include "kube/rules/checks.h"
#include "kube/rules/cron_schedule.h"
#include "kube/rules/job_policies.h"
#include "kube/rules/job_status.h"
#include "kube/rules/kind_rules.h"
#include "kube/rules/pod_spec.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::string_view kRestartPolicies[] = {"OnFailure", "Never"};
constexpr std::string_view kModes[] = {"NonIndexed", "Indexed"};
constexpr std::string_view kConcurrency[] = {"Allow", "Forbid", "Replace"};
constexpr std::int64_t kIndexedParallelism = 100'000;
constexpr std::int64_t kIndexedFailures = 100'000;
constexpr std::int64_t kManyCompletions = 100'000;
constexpr std::int64_t kParallelismOfMany = 10'000;  // with a limit for each index
constexpr std::int64_t kFailuresOfMany = 10'000;     // the same
constexpr std::size_t kManagerSize = 63;
constexpr std::size_t kCronJobNameSize = 52;  // of it and 11 more characters jobs' names are made

constexpr const char* kUidLabels[] = {"controller-uid", "batch.kubernetes.io/controller-uid"};
constexpr const char* kNameLabels[] = {"job-name", "batch.kubernetes.io/job-name"};

void job_numbers(const Spot& spec) {
  for (const char* field : {"parallelism", "completions", "activeDeadlineSeconds", "backoffLimit",
                            "ttlSecondsAfterFinished", "backoffLimitPerIndex", "maxFailedIndexes"})
    non_negative(spec[field]);
  if (spec["maxFailedIndexes"].is_set() && !spec["backoffLimitPerIndex"].is_set())
    spec["backoffLimitPerIndex"].required("when maxFailedIndexes is specified");
}

// Each index is told of in the status, which has to stay small.
void many_completions(const Spot& spec) {
  if (spec["completions"].number() <= kManyCompletions || !spec["backoffLimitPerIndex"].is_set()) return;
  const auto why = [](std::int64_t most) {
    return fmt::format(
        "must be less than or equal to {} when completions are above {} and used with backoff limit per "
        "index",
        most, kManyCompletions);
  };
  const Spot failures = spec["maxFailedIndexes"];
  if (!failures.is_set())
    failures.required(fmt::format("must be specified when completions is above {}", kManyCompletions));
  if (spec["parallelism"].number() > kParallelismOfMany) spec["parallelism"].invalid(why(kParallelismOfMany));
  if (failures.number() > kFailuresOfMany) failures.invalid(why(kFailuresOfMany));
}

void indexed(const Spot& spec) {
  one_of_if_set(spec["completionMode"], kModes);
  if (spec["completionMode"].text() != "Indexed") {
    for (const char* field : {"backoffLimitPerIndex", "maxFailedIndexes"})
      if (spec[field].is_set()) spec[field].invalid("requires indexed completion mode");
    return;
  }
  const Spot completions = spec["completions"];
  const Spot failures = spec["maxFailedIndexes"];
  if (!completions.is_set()) completions.required("when completion mode is Indexed");
  if (spec["parallelism"].number() > kIndexedParallelism)
    spec["parallelism"].invalid(
        fmt::format("must be less than or equal to {} when completion mode is Indexed", kIndexedParallelism));
  if (completions.is_set() && failures.number() > completions.number())
    failures.invalid("must be less than or equal to completions");
  if (failures.number() > kIndexedFailures)
    failures.invalid(fmt::format("must be less than or equal to {}", kIndexedFailures));
  many_completions(spec);
}

void restart_policy(const Spot& policy, bool has_failure_policy) {
  if (policy.text().empty() || policy.text() == "Always")
    policy.required("valid values: \"OnFailure\", \"Never\"");
  else if (policy.text() != "OnFailure" && policy.text() != "Never")
    policy.not_supported(kRestartPolicies);
  else if (has_failure_policy && policy.text() != "Never")
    policy.invalid("only \"Never\" is supported when podFailurePolicy is specified");
}

void check_job_spec(const Spot& spec, const Tree* selector) {
  job_numbers(spec);
  if (const Spot manager = spec["managedBy"]; manager.is_set()) {
    domain_prefixed_path(manager);
    if (manager.text().size() > kManagerSize) manager.too_long(kManagerSize);
  }
  indexed(spec);
  job_policies(spec);
  pod_template(spec["template"], selector, {});
  restart_policy(spec["template"]["spec"]["restartPolicy"], spec["podFailurePolicy"].is_set());
}

// An indexed job's pods are hosts of its name and their index.
void pods_can_be_named(const Spot& object) {
  const Spot spec = object["spec"];
  if (spec["completionMode"].text() != "Indexed" || spec["completions"].number() <= 0) return;
  const Spot name = object["metadata"]["name"];
  const std::string last = fmt::format("{}-{}", name.text(), spec["completions"].number() - 1);
  if (!dns_label_faults(last).empty())
    name.invalid(fmt::format("will not able to create pod with invalid DNS label: {}", last));
}

// Labels and a selector that nobody else has, unless the client says which pods are the job's.
void generated_selector(const Spot& object) {
  const Spot spec = object["spec"];
  if (spec["manualSelector"].flag() || !spec["selector"].is_set()) return;
  const std::string_view uid = object["metadata"]["uid"].text(), name = object["metadata"]["name"].text();
  required(object["metadata"]["uid"]);
  const Spot labels = spec["template"]["metadata"]["labels"];
  for (std::size_t i = 0; i < std::size(kUidLabels); ++i)
    for (const auto& [label, wanted] : {std::pair(kUidLabels[i], uid), std::pair(kNameLabels[i], name)}) {
      const Spot value = labels.key(label);
      const std::string why = fmt::format("must be '{}'", wanted);
      if (!value.is_set())
        value.required(why);
      else if (value.text() != wanted)
        value.invalid(labels.value(), why);
    }
  const auto selector = LabelSelector::from_tree(spec["selector"].value());
  json::TreeObject expected;
  for (const char* label : kUidLabels) expected[label] = uid;
  for (const char* label : kNameLabels) expected[label] = name;
  if (selector && !selector->matches(Tree(std::move(expected))))
    spec["selector"].invalid("`selector` not auto-generated");
}

void create_job(const Spot& object) {
  generated_selector(object);
  pods_can_be_named(object);
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

bool is_suspended(const Tree& job) {
  const Tree* suspend = job.find("spec", "suspend");
  return suspend != nullptr && suspend->as_bool();
}

// What of a template may change as long as no pod was made of it: where pods go, and what they are called.
Tree with_directives(const Tree& before, const Tree& now) {
  Tree same = before;
  const auto take = [&](const char* part, const char* field) {
    if (const Tree* value = now.find(part, field))
      same.object()[part].object()[field] = *value;
    else if (Tree* there = same.object().find(part))
      there->object().erase(field);
  };
  for (const char* field : {"nodeSelector", "tolerations", "schedulingGates"}) take("spec", field);
  for (const char* field : {"annotations", "labels"}) take("metadata", field);
  json::TreeObject& spec = same.object()["spec"].object();
  const Tree* nodes = now.find("spec", "affinity", "nodeAffinity");
  if (nodes != nullptr)
    spec["affinity"].object()["nodeAffinity"] = *nodes;
  else if (Tree* affinity = spec.find("affinity"))
    affinity->object().erase("nodeAffinity");
  return same;
}

// The same with what containers are given.
void take_resources(Tree& spec, const Tree& now) {
  for (const char* list : {"containers", "initContainers"}) {
    Tree* containers = spec.object().find(list);
    const Tree* wanted = now.find(list);
    if (containers == nullptr || wanted == nullptr || containers->array().size() != wanted->array().size())
      continue;
    for (std::size_t i = 0; i < wanted->array().size(); ++i) {
      Tree& container = containers->array()[i];
      if (container.text_at("name") != wanted->array()[i].text_at("name")) continue;
      const Tree* resources = wanted->array()[i].find("resources");
      if (resources != nullptr)
        container.object()["resources"] = *resources;
      else
        container.object().erase("resources");
    }
  }
}

void update_template(const Spot& now, const Tree& job) {
  const Tree* was = job.find("spec", "template");
  if (was == nullptr) return;
  const bool has_started = job.find("status", "startTime") != nullptr;
  if (!is_suspended(job) || has_started) return immutable(now, was);
  Tree same = with_directives(*was, now.value());
  if (const Tree* spec = now.value().find("spec")) take_resources(same.object()["spec"], *spec);
  immutable(now, &same);
}

void update_completions(const Spot& spec, const Tree& before) {
  const Spot completions = spec["completions"];
  const Tree* was = before.find("spec", "completions");
  if (spec["completionMode"].text() != "Indexed") return immutable(completions, was);
  if (is_same(&completions.value(), was) || !completions.is_set()) return;
  if (completions.number() != spec["parallelism"].number())
    completions.invalid("can only be modified in tandem with spec.parallelism");
}

void update_job(const Spot& object, const Tree& before) {
  const Spot spec = object["spec"];
  update_completions(spec, before);
  immutable(spec["selector"], before.find("spec", "selector"));
  update_template(spec["template"], before);
  for (const char* field :
       {"completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"})
    immutable(spec[field], before.find("spec", field));
}

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

constexpr std::string_view kNotManual[] = {"nil", "false"};

// https://data.iana.org/time-zones/theory.html#naming; which zones there are, those know who run the jobs.
void time_zone(const Spot& zone) {
  constexpr std::size_t kPartSize = 14;
  if (!zone.is_set()) return;
  if (zone.text().empty()) return zone.invalid("timeZone must be nil or non-empty string");
  const auto is_in_part = [](char c) {
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
           std::string_view(".-_+").find(c) != std::string_view::npos;
  };
  for (const std::string_view part : split(zone.text(), '/'))
    if (part.empty() || part.size() > kPartSize || part == "." || part == ".." || part.starts_with('-') ||
        !std::ranges::all_of(part, is_in_part))
      return zone.invalid(fmt::format("unknown time zone {}", zone.text()));
  if (in_lower_case(zone.text()) == "local")
    zone.invalid("timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones");
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
  time_zone(spec["timeZone"]);
  const Spot job = spec["jobTemplate"]["spec"];
  labels(spec["jobTemplate"]["metadata"]["labels"]);
  check_job_spec(job, nullptr);
  if (job["selector"].is_set()) job["selector"].invalid("`selector` will be auto-generated");
  if (job["manualSelector"].flag()) job["manualSelector"].not_supported(kNotManual);
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
     .check_create = create_job,
     .check_update = update_job,
     .check_status = update_job_status},
    {.group = "batch",
     .kind = "CronJob",
     .name_faults = cron_job_name_faults,
     .counts_generations = true,
     .check = check_cron_job},
};

}  // namespace

std::span<const KindRules> job_rules() { return kRules; }

}  // namespace gantry::kube::rules
