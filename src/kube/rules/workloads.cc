// SPDX-License-Identifier: Apache-2.0
//
// What keeps a number of pods running: ReplicationController, ReplicaSet, Deployment, DaemonSet, StatefulSet.
#include <algorithm>

#include <fmt/format.h>

#include "kube/api/selector.h"
#include "kube/rules/checks.h"
#include "kube/rules/kind_rules.h"
#include "kube/rules/pod_spec.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::string_view kAlways[] = {"Always"};
constexpr std::string_view kDaemonUpdates[] = {"RollingUpdate", "OnDelete"};
constexpr std::string_view kDeploymentUpdates[] = {"Recreate", "RollingUpdate"};
constexpr std::string_view kRetention[] = {"Retain", "Delete"};

// One that selects something.
void selector(const Spot& selector, std::string_view whose) {
  if (!selector.is_set()) return selector.required();
  label_selector(selector);
  if (selector["matchLabels"].size() + selector["matchExpressions"].size() == 0)
    selector.invalid(fmt::format("empty selector is invalid for {}", whose));
}

// Pods that are started again for as long as they are wanted. `kind`: whose they are.
void template_of_lasting_pods(const Spot& of_pods, const Tree* selector, std::string_view kind) {
  pod_template(of_pods, selector, kAlways);
  if (const Spot deadline = of_pods["spec"]["activeDeadlineSeconds"]; deadline.is_set())
    deadline.forbidden(fmt::format("activeDeadlineSeconds in {} is not Supported", kind));
}

// A selector and a template that it selects. `whose`: in Kubernetes' words of the first.
void selected_template(const Spot& spec, std::string_view whose, std::string_view kind) {
  const Spot wanted = spec["selector"];
  selector(wanted, whose);
  template_of_lasting_pods(spec["template"], wanted.is_set() ? &wanted.value() : nullptr, kind);
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
  template_of_lasting_pods(spec["template"], &label_selector, "ReplicationController");
}

void check_replica_set(const Spot& object) {
  const Spot spec = object["spec"];
  non_negative(spec["replicas"]);
  non_negative(spec["minReadySeconds"]);
  selected_template(spec, "deployment", "ReplicaSet");
}

// 0, "0" or "0%".
bool is_zero(const Spot& value) {
  return value.is_text() ? value.text() == "0%" || value.text() == "0" : value.number() == 0;
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
  selected_template(spec, "deployment", "ReplicaSet");
  const Spot strategy = spec["strategy"];
  if (std::ranges::find(kDeploymentUpdates, strategy["type"].text()) == std::end(kDeploymentUpdates))
    strategy.not_supported(kDeploymentUpdates);
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
  selected_template(spec, "daemonset", "DaemonSet");
  non_negative(spec["templateGeneration"]);
  non_negative(spec["minReadySeconds"]);
  non_negative(spec["revisionHistoryLimit"]);
  const Spot strategy = spec["updateStrategy"];
  if (std::ranges::find(kDaemonUpdates, strategy["type"].text()) == std::end(kDaemonUpdates))
    strategy.not_supported(kDaemonUpdates);
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

// `place`: of what it is told that `word` is another.
void one_of_two(const Spot& place, std::string_view word, std::string_view one, std::string_view other) {
  if (word.empty())
    place.required();
  else if (word != one && word != other)
    place.invalid(fmt::format("must be '{}' or '{}'", one, other));
}

void stateful_updates(const Spot& strategy) {
  one_of_two(strategy, strategy["type"].text(), "RollingUpdate", "OnDelete");
  const Spot rolling = strategy["rollingUpdate"];
  if (strategy["type"].text() == "OnDelete" && rolling.is_set())
    rolling.invalid("only allowed for updateStrategy 'RollingUpdate'");
  if (strategy["type"].text() != "RollingUpdate") return;
  non_negative(rolling["partition"]);
  const Spot unavailable = rolling["maxUnavailable"];
  if (!unavailable.is_set()) return;
  number_or_percent(unavailable);
  if (is_zero(unavailable)) unavailable.invalid("cannot be 0");
  at_most_everything(unavailable);
}

// What its pods are made of is looked at when they are made: their volumes are those of its claims, too.
void stateful_template(const Spot& spec) {
  const Spot of_pods = spec["template"];
  const Spot wanted = spec["selector"];
  selector(wanted, "statefulset");
  const Spot labels_of_pods = of_pods["metadata"]["labels"];
  const auto parsed = LabelSelector::from_tree(wanted.value());
  if (wanted.is_set() && parsed && !parsed->matches(labels_of_pods.value()))
    labels_of_pods.invalid("`selector` does not match template `labels`");
  pod_template_metadata(of_pods);
  pod_annotations(of_pods["annotations"].with_value_of(of_pods["metadata"]["annotations"]), of_pods["spec"]);
  const Spot policy = of_pods["spec"]["restartPolicy"];
  if (policy.text() != "Always") policy.not_supported(kAlways);
  if (const Spot deadline = of_pods["spec"]["activeDeadlineSeconds"]; deadline.is_set())
    deadline.forbidden("activeDeadlineSeconds in StatefulSet is not Supported");
}

void check_stateful_set(const Spot& object) {
  const Spot spec = object["spec"];
  one_of_two(spec["podManagementPolicy"], spec["podManagementPolicy"].text(), "OrderedReady", "Parallel");
  stateful_updates(spec["updateStrategy"]);
  const Spot retention = spec["persistentVolumeClaimRetentionPolicy"];
  if (retention.is_set())
    for (const char* when : {"whenDeleted", "whenScaled"}) one_of(retention[when], kRetention);
  non_negative(spec["replicas"]);
  non_negative(spec["minReadySeconds"]);
  non_negative(spec["revisionHistoryLimit"]);
  // As Kubernetes writes it: one name.
  non_negative(spec["ordinals.start"].with_value_of(spec["ordinals"]["start"]));
  named_if_set(spec["serviceName"], dns_label_faults);
  stateful_template(spec);
}

// Pods are hosts of its name and their number.
void create_stateful_set(const Spot& object) {
  const Spot name = object["metadata"]["name"];
  if (dns_subdomain_faults(name.text()).empty()) name.invalid_for(dns_label_faults(name.text()));
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
     .check_create = create_stateful_set,
     .check_update = update_stateful_set,
     .check_status = update_stateful_status},
};

}  // namespace

std::span<const KindRules> workload_rules() { return kRules; }

}  // namespace gantry::kube::rules
