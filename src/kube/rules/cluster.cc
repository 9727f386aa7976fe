// SPDX-License-Identifier: Apache-2.0
//
// Node, Lease, PriorityClass, RuntimeClass, Event.
#include <set>

#include <fmt/format.h>

#include "kube/rules/checks.h"
#include "kube/rules/kind_rules.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::string_view kEffects[] = {"NoExecute", "NoSchedule", "PreferNoSchedule"};
constexpr std::string_view kPreemption[] = {"Never", "PreemptLowerPriority"};
constexpr std::int64_t kHighestPriority = 1'000'000'000;  // of those that are not the system's own

void check_node(const Spot& object) {
  const Spot spec = object["spec"];
  std::set<std::string> taints;
  spec["taints"].each([&](const Spot& taint) {
    taint["key"].invalid_for(label_key_faults(taint["key"].text()));
    taint["value"].invalid_for(label_value_faults(taint["value"].text()));
    one_of(taint["effect"], kEffects);
    if (!taints.insert(fmt::format("{}:{}", taint["key"].text(), taint["effect"].text())).second)
      taint.duplicate();
  });
  spec["podCIDRs"].each(address_range);
}

void update_node(const Spot& object, const Tree& before) {
  const Spot spec = object["spec"];
  if (const Tree* was = before.find("spec", "podCIDRs");
      was != nullptr && !is_same(&spec["podCIDRs"].value(), was))
    spec["podCIDRs"].forbidden("node updates may not change podCIDR except from \"\" to valid");
  const std::string_view id = before.text_at("spec", "providerID");
  if (!id.empty() && id != spec["providerID"].text())
    spec["providerID"].forbidden("node updates may not change providerID except from \"\" to valid");
}

void check_lease(const Spot& object) {
  const Spot spec = object["spec"];
  const Spot duration = spec["leaseDurationSeconds"];
  if (duration.is_set() && duration.number() <= 0) duration.invalid("must be greater than 0");
  non_negative(spec["leaseTransitions"]);
  if (spec["holderIdentity"].is_set() && spec["holderIdentity"].text().empty())
    spec["holderIdentity"].invalid("must not be empty");
}

void check_priority_class(const Spot& object) {
  const std::string_view name = object["metadata"]["name"].text();
  const bool is_system = name.starts_with("system-");
  if (is_system && name != "system-node-critical" && name != "system-cluster-critical")
    object["metadata"]["name"].forbidden(
        "priority class names with 'system-' prefix are reserved for system use only");
  const Spot value = object["value"];
  if (!is_system && value.number() > kHighestPriority)
    value.forbidden(fmt::format("maximum allowed value of a user defined priority is {}", kHighestPriority));
  one_of_if_set(object["preemptionPolicy"], kPreemption);
}

void update_priority_class(const Spot& object, const Tree& before) {
  const Tree* value = before.find("value");
  if (!(object["value"].number() == (value == nullptr ? 0 : value->as_int64().value_or(0))))
    object["value"].forbidden("may not be changed in an update.");
  immutable(object["preemptionPolicy"], before.find("preemptionPolicy"));
}

void check_runtime_class(const Spot& object) { named(object["handler"], dns_label_faults); }

void update_runtime_class(const Spot& object, const Tree& before) {
  immutable(object["handler"], before.find("handler"));
}

// Of both groups: the older has involvedObject, the newer regarding.
void check_event(const Spot& object) {
  const Spot about = object["regarding"].is_set() ? object["regarding"] : object["involvedObject"];
  const std::string_view name_space = object["metadata"]["namespace"].text();
  const Spot theirs = about["namespace"];
  if (theirs.text().empty() ? name_space != "default" && name_space != "kube-system"
                            : theirs.text() != name_space)
    theirs.invalid("does not match event.namespace");
}

constexpr KindRules kRules[] = {
    {.group = "", .kind = "Event", .name_faults = path_segment_faults, .check = check_event},
    {.group = "", .kind = "Node", .check = check_node, .check_update = update_node},
    {.group = "coordination.k8s.io", .kind = "Lease", .check = check_lease},
    {.group = "events.k8s.io", .kind = "Event", .name_faults = path_segment_faults, .check = check_event},
    {.group = "node.k8s.io",
     .kind = "RuntimeClass",
     .check = check_runtime_class,
     .check_update = update_runtime_class},
    {.group = "scheduling.k8s.io",
     .kind = "PriorityClass",
     .counts_generations = true,
     .check = check_priority_class,
     .check_update = update_priority_class},
};

}  // namespace

std::span<const KindRules> cluster_rules() { return kRules; }

}  // namespace gantry::kube::rules
