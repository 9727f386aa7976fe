// SPDX-License-Identifier: Apache-2.0
//
// What keeps a number of pods running: ReplicationController, ReplicaSet, Deployment, DaemonSet, StatefulSet.
#include <algorithm>

#include <fmt/format.h>

#include "kube/rules/checks.h"
#include "kube/rules/kind_rules.h"
#include "kube/rules/pod_spec.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::string_view kAlways[] = {"Always"};
constexpr std::string_view kDaemonUpdates[] = {"OnDelete", "RollingUpdate"};
constexpr std::string_view kDeploymentUpdates[] = {"Recreate", "RollingUpdate"};
constexpr std::string_view kManagement[] = {"OrderedReady", "Parallel"};
constexpr std::string_view kRetention[] = {"Delete", "Retain"};

// A selector that selects something, and a template that it selects.
void selected_template(const Spot& spec, std::string_view whose) {
  const Spot selector = spec["selector"];
  if (!selector.is_set()) {
    selector.required();
  } else {
    label_selector(selector);
    if (selector["matchLabels"].size() + selector["matchExpressions"].size() == 0)
      selector.invalid(fmt::format("empty selector is invalid for {}", whose));
  }
  pod_template(spec["template"], selector.is_set() ? &selector.value() : nullptr, kAlways);
  if (spec["template"]["spec"]["activeDeadlineSeconds"].is_set())
    spec["template"]["spec"]["activeDeadlineSeconds"].forbidden(
        fmt::format("activeDeadlineSeconds in {} is not Supported", whose));
}

void update_selector(const Spot& object, const Tree& before) {
  immutable(object["spec"]["selector"], before.find("spec", "selector"));
}

void check_replication_controller(const Spot& object) {
  const Spot spec = object["spec"];
  non_negative(spec["replicas"]);
  non_negative(spec["minReadySeconds"]);
  const Spot selector = spec["selector"];
  if (selector.size() == 0) selector.required();
  if (!spec["template"].is_set()) return spec["template"].required();
  labels(selector);
  json::TreeObject wanted;
  wanted["matchLabels"] = selector.value();
  const Tree label_selector = std::move(wanted);
  pod_template(spec["template"], &label_selector, kAlways);
}

void check_replica_set(const Spot& object) {
  const Spot spec = object["spec"];
  non_negative(spec["replicas"]);
  non_negative(spec["minReadySeconds"]);
  selected_template(spec, "ReplicaSet");
}

// 0, "0" or "0%".
bool is_zero(const Spot& value) {
  return value.is_text() ? value.text() == "0%" || value.text() == "0" : value.number() == 0;
}

void at_most_everything(const Spot& percent) {
  if (!percent.is_text() || !percent_faults(percent.text()).empty()) return;
  const std::string_view digits = percent.text().substr(0, percent.text().size() - 1);
  if (digits.size() > 3 || (digits.size() == 3 && digits > "100"))
    percent.invalid("must not be greater than 100%");
}

void rolling_update(const Spot& update) {
  const Spot unavailable = update["maxUnavailable"];
  const Spot surge = update["maxSurge"];
  number_or_percent(unavailable);
  number_or_percent(surge);
  if (is_zero(unavailable) && is_zero(surge)) unavailable.invalid("may not be 0 when `maxSurge` is 0");
  at_most_everything(unavailable);
}

void check_deployment(const Spot& object) {
  const Spot spec = object["spec"];
  non_negative(spec["replicas"]);
  selected_template(spec, "deployment");
  const Spot strategy = spec["strategy"];
  one_of(strategy["type"], kDeploymentUpdates);
  if (strategy["type"].text() == "Recreate" && strategy["rollingUpdate"].is_set())
    strategy["rollingUpdate"].forbidden("may not be specified when strategy `type` is 'Recreate'");
  if (strategy["type"].text() == "RollingUpdate") {
    if (!strategy["rollingUpdate"].is_set())
      strategy["rollingUpdate"].required("this should be defaulted and never be nil");
    else
      rolling_update(strategy["rollingUpdate"]);
  }
  non_negative(spec["minReadySeconds"]);
  non_negative(spec["revisionHistoryLimit"]);
  const Spot deadline = spec["progressDeadlineSeconds"];
  if (!deadline.is_set()) return;
  non_negative(deadline);
  if (deadline.number() <= spec["minReadySeconds"].number())
    deadline.invalid("must be greater than minReadySeconds");
}

void check_daemon_set(const Spot& object) {
  const Spot spec = object["spec"];
  selected_template(spec, "DaemonSet");
  non_negative(spec["minReadySeconds"]);
  non_negative(spec["revisionHistoryLimit"]);
  const Spot strategy = spec["updateStrategy"];
  one_of(strategy["type"], kDaemonUpdates);
  if (strategy["type"].text() != "RollingUpdate") return;
  const Spot update = strategy["rollingUpdate"];
  if (!update.is_set()) return update.required();
  const Spot unavailable = update["maxUnavailable"];
  const Spot surge = update["maxSurge"];
  number_or_percent(unavailable);
  number_or_percent(surge);
  at_most_everything(unavailable);
  at_most_everything(surge);
  if (!is_zero(unavailable) && !is_zero(surge))
    surge.invalid("may not be set when maxUnavailable is non-zero");
  if (is_zero(unavailable) && is_zero(surge)) unavailable.required("cannot be 0 when maxSurge is 0");
}

void check_stateful_set(const Spot& object) {
  const Spot spec = object["spec"];
  const Spot management = spec["podManagementPolicy"];
  one_of(management, kManagement);
  const Spot strategy = spec["updateStrategy"];
  one_of(strategy["type"], kDaemonUpdates);
  if (strategy["type"].text() == "OnDelete" && strategy["rollingUpdate"].is_set())
    strategy["rollingUpdate"].invalid("only allowed for updateStrategy 'RollingUpdate'");
  non_negative(strategy["rollingUpdate"]["partition"]);
  if (const Spot unavailable = strategy["rollingUpdate"]["maxUnavailable"]; unavailable.is_set()) {
    number_or_percent(unavailable);
    if (is_zero(unavailable)) unavailable.invalid("cannot be 0");
    at_most_everything(unavailable);
  }
  const Spot retention = spec["persistentVolumeClaimRetentionPolicy"];
  if (retention.is_set())
    for (const char* when : {"whenDeleted", "whenScaled"}) one_of(retention[when], kRetention);
  non_negative(spec["replicas"]);
  non_negative(spec["minReadySeconds"]);
  non_negative(spec["revisionHistoryLimit"]);
  non_negative(spec["ordinals"]["start"]);
  named_if_set(spec["serviceName"], dns_label_faults);
  selected_template(spec, "StatefulSet");
}

// What of a stateful set may change.
constexpr std::string_view kChangeable[] = {"minReadySeconds",
                                            "ordinals",
                                            "persistentVolumeClaimRetentionPolicy",
                                            "replicas",
                                            "revisionHistoryLimit",
                                            "template",
                                            "updateStrategy"};

void update_stateful_set(const Spot& object, const Tree& stored) {
  const Spot spec = object["spec"];
  const Tree* before = stored.find("spec");
  const auto is_kept = [&](const Tree& one, const Tree* other) {
    return std::ranges::all_of(one.object(), [&](const auto& member) {
      return std::ranges::find(kChangeable, member.first) != std::end(kChangeable) ||
             is_same(&member.second, other == nullptr ? nullptr : other->find(member.first));
    });
  };
  if (before != nullptr && (!is_kept(spec.value(), before) || !is_kept(*before, &spec.value())))
    spec.forbidden(
        "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
        "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and "
        "'minReadySeconds' are forbidden");
}

// ---- What they were

void check_revision(const Spot& object) {
  if (!object["data"].is_set()) object["data"].required("data is mandatory");
  non_negative(object["revision"]);
}

void update_revision(const Spot& object, const Tree& before) {
  immutable(object["data"], before.find("data"));
}

// ---- Statuses

constexpr std::string_view kMoreThanThereAre = "cannot be greater than status.replicas";
constexpr CountOrder kReplicaOrders[] = {
    {"fullyLabeledReplicas", "replicas", kMoreThanThereAre},
    {"readyReplicas", "replicas", kMoreThanThereAre},
    {"availableReplicas", "replicas", kMoreThanThereAre},
    {"availableReplicas", "readyReplicas", "cannot be greater than readyReplicas"}};
constexpr const char* kReplicaCounts[] = {"replicas",          "fullyLabeledReplicas", "readyReplicas",
                                          "availableReplicas", "observedGeneration",   "terminatingReplicas"};
constexpr CountOrder kDeploymentOrders[] = {
    {"updatedReplicas", "replicas", kMoreThanThereAre},
    {"readyReplicas", "replicas", kMoreThanThereAre},
    {"availableReplicas", "replicas", kMoreThanThereAre},
    {"availableReplicas", "readyReplicas", "cannot be greater than readyReplicas"}};
constexpr const char* kDeploymentCounts[] = {"observedGeneration",  "replicas",
                                             "updatedReplicas",     "readyReplicas",
                                             "availableReplicas",   "unavailableReplicas",
                                             "terminatingReplicas", "collisionCount"};
constexpr const char* kDaemonCounts[] = {
    "currentNumberScheduled", "numberMisscheduled",     "desiredNumberScheduled", "numberReady",
    "observedGeneration",     "updatedNumberScheduled", "numberAvailable",        "numberUnavailable",
    "collisionCount"};
constexpr CountOrder kStatefulOrders[] = {
    {"readyReplicas", "replicas", kMoreThanThereAre},
    {"currentReplicas", "replicas", kMoreThanThereAre},
    {"updatedReplicas", "replicas", kMoreThanThereAre},
    {"availableReplicas", "replicas", kMoreThanThereAre},
    {"availableReplicas", "readyReplicas", "cannot be greater than status.readyReplicas"}};
constexpr const char* kStatefulCounts[] = {"replicas",        "readyReplicas",     "currentReplicas",
                                           "updatedReplicas", "availableReplicas", "observedGeneration",
                                           "collisionCount"};

// Names of revisions are made of it.
void collisions(const Spot& status, const Tree& before) {
  const Spot count = status["collisionCount"];
  const Tree* was = before.find("status", "collisionCount");
  if (was != nullptr && count.number() < was->as_int64().value_or(0))
    count.invalid(Tree(count.number()), "cannot be decremented");
}

void update_replicas_status(const Spot& object, const Tree& /*before*/) {
  non_negative(object["status"], kReplicaCounts);
  in_order(object["status"], kReplicaOrders);
}

void update_deployment_status(const Spot& object, const Tree& before) {
  non_negative(object["status"], kDeploymentCounts);
  in_order(object["status"], kDeploymentOrders);
  collisions(object["status"], before);
}

void update_daemon_status(const Spot& object, const Tree& before) {
  non_negative(object["status"], kDaemonCounts);
  collisions(object["status"], before);
}

void update_stateful_status(const Spot& object, const Tree& before) {
  non_negative(object["status"], kStatefulCounts);
  in_order(object["status"], kStatefulOrders);
  collisions(object["status"], before);
}

constexpr KindRules kRules[] = {
    {.group = "apps", .kind = "ControllerRevision", .check = check_revision, .check_update = update_revision},
    {.group = "",
     .kind = "ReplicationController",
     .counts_generations = true,
     .check = check_replication_controller,
     .check_status = update_replicas_status},
    {.group = "apps",
     .kind = "ReplicaSet",
     .counts_generations = true,
     .check = check_replica_set,
     .check_update = update_selector,
     .check_status = update_replicas_status},
    {.group = "apps",
     .kind = "Deployment",
     .counts_generations = true,
     .check = check_deployment,
     .check_update = update_selector,
     .check_status = update_deployment_status},
    {.group = "apps",
     .kind = "DaemonSet",
     .counts_generations = true,
     .check = check_daemon_set,
     .check_update = update_selector,
     .check_status = update_daemon_status},
    {.group = "apps",
     .kind = "StatefulSet",
     .counts_generations = true,
     .check = check_stateful_set,
     .check_update = update_stateful_set,
     .check_status = update_stateful_status},
};

}  // namespace

std::span<const KindRules> workload_rules() { return kRules; }

}  // namespace gantry::kube::rules
