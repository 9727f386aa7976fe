// SPDX-License-Identifier: Apache-2.0
//
// Node, Lease, PriorityClass, RuntimeClass, Event.
#include <algorithm>
#include <set>
#include <vector>

#include <fmt/format.h>

#include "base/split.h"
#include "kube/rules/checks.h"
#include "kube/rules/kind_rules.h"
#include "kube/rules/pod_spec.h"
#include "kube/rules/resource_names.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::string_view kEffects[] = {"NoSchedule", "PreferNoSchedule", "NoExecute"};
constexpr std::string_view kPreemption[] = {"PreemptLowerPriority", "Never"};
constexpr std::string_view kLeaseStrategies[] = {"OldestEmulationVersion"};
constexpr std::int64_t kHighestPriority = 1'000'000'000;  // of those that are not the system's own

void taints(const Spot& taints) {
  std::set<std::string> seen;
  taints.each([&](const Spot& taint) {
    taint["key"].invalid_for(label_key_faults(taint["key"].text()));
    if (const Faults faults = label_value_faults(taint["value"].text()); !faults.empty())
      taint["value"].invalid(fmt::format("{}", fmt::join(faults, ";")));
    one_of(taint["effect"], kEffects);
    if (!seen.insert(fmt::format("{}:{}", taint["key"].text(), taint["effect"].text())).second)
      taint.duplicate(taint.value(), "taints must be unique by key and effect pair");
  });
}

void check_node(const Spot& object) {
  const Spot spec = object["spec"];
  // Kubernetes tells of them as if they were metadata.
  taints(object["metadata"]["taints"].with_value_of(spec["taints"]));
  const Spot ranges = spec["podCIDRs"];
  ranges.each(address_range);
  const auto is_of_six = [](const Spot& range) { return range.text().find(':') != std::string_view::npos; };
  if (ranges.size() > 2 || (ranges.size() == 2 && is_of_six(ranges.at(0)) == is_of_six(ranges.at(1))))
    ranges.invalid("may specify no more than one CIDR for each IP family");
}

// "MyFeature/part".
bool is_feature(std::string_view name) {
  const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  const auto is_letter_or_digit = [&](char c) {
    return is_upper(c) || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  };
  const std::vector<std::string_view> parts = split(name, '/');
  return !name.empty() && is_upper(name.front()) && std::ranges::all_of(parts, [&](std::string_view part) {
    return !part.empty() && std::ranges::all_of(part, is_letter_or_digit);
  });
}

void features(const Spot& features) {
  std::string_view before;
  std::size_t index = 0;
  features.each([&](const Spot& feature) {
    const std::string_view name = feature.text();
    if (name.size() > kSubdomainSize)
      feature.invalid(fmt::format("invalid feature name \"{}\": must be no more than {} characters", name,
                                  kSubdomainSize));
    else if (!is_feature(name))
      feature.invalid(fmt::format(
          "invalid feature name \"{}\": must start with an UpperCamelCase segment, with subsequent "
          "segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only "
          "alphanumeric characters and slashes",
          name));
    if (index++ > 0) {
      if (before == name)
        feature.duplicate();
      else if (before > name)
        feature.invalid("list must be sorted alphabetically");
    }
    before = name;
  });
}

void config_source(const Spot& source) {
  if (!source.is_set()) return;
  const Spot map = source["configMap"];
  if (!map.is_set()) return source.invalid("exactly one reference subfield must be non-nil");
  required(map["uid"]);
  required(map["resourceVersion"]);
  named(map["namespace"], dns_label_faults);
  named(map["name"], dns_subdomain_faults);
  named(map["kubeletConfigKey"], config_key_faults);
}

void check_node_status(const Spot& status) {
  for (const char* list : {"capacity", "allocatable"})
    for (const auto& [name, amount] : status[list].value().object())
      resource_amount(status[list][name], name);
  features(status["declaredFeatures"]);
  std::set<std::string> addresses;
  status["addresses"].each([&](const Spot& address) {
    if (!addresses.insert(address.value().to_text()).second) address.duplicate();
  });
  for (const char* source : {"assigned", "active", "lastKnownGood"}) config_source(status["config"][source]);
}

void update_node(const Spot& object, const Tree& before) {
  const Spot spec = object["spec"];
  if (const Tree* was = before.find("spec", "podCIDRs");
      was != nullptr && !is_same(&spec["podCIDRs"].value(), was))
    spec["podCIDRs"].forbidden("node updates may not change podCIDR except from \"\" to valid");
  const std::string_view id = before.text_at("spec", "providerID");
  if (!id.empty() && id != spec["providerID"].text())
    spec["providerID"].forbidden("node updates may not change providerID except from \"\" to valid");
  if (before.text_at("spec", "externalID") != spec["externalID"].text())
    spec["externalID"].forbidden("may not be updated");
}

// Nodes say what they are when they come.
void create_node(const Spot& object) { check_node_status(object["status"]); }

void update_node_status(const Spot& object, const Tree& /*before*/) { check_node_status(object["status"]); }

// How it is chosen who holds it: as Kubernetes knows, or as somebody else does.
void lease_strategy(const Spot& spec) {
  const Spot strategy = spec["strategy"];
  if (!strategy.is_set()) {
    if (spec["preferredHolder"].has_something())
      spec["preferredHolder"].forbidden("may only be specified if `strategy` is defined");
  } else if (strategy.text().find('/') != std::string_view::npos) {
    strategy.invalid_for(label_key_faults(strategy.text()));
  } else if (strategy.text() != kLeaseStrategies[0]) {
    strategy["strategy"].with_value_of(strategy).not_supported(kLeaseStrategies);
  }
}

void check_lease(const Spot& object) {
  const Spot spec = object["spec"];
  const Spot duration = spec["leaseDurationSeconds"];
  if (duration.is_set() && duration.number() <= 0) duration.invalid("must be greater than 0");
  non_negative(spec["leaseTransitions"]);
  if (spec["holderIdentity"].is_set() && spec["holderIdentity"].text().empty())
    spec["holderIdentity"].invalid("must not be empty");
  lease_strategy(spec);
}

// Of what the cluster needs itself.
struct SystemPriority {
  std::string_view name;
  std::int64_t value;
};
constexpr SystemPriority kSystemPriorities[] = {{"system-node-critical", 2'000'001'000},
                                                {"system-cluster-critical", 2'000'000'000}};

// Why it is not one of them; empty: it is.
std::string no_system_priority(const Spot& object) {
  const std::string_view name = object["metadata"]["name"].text();
  const auto known = std::ranges::find(kSystemPriorities, name, &SystemPriority::name);
  if (known == std::end(kSystemPriorities))
    return fmt::format("{} is not a known system priority class", name);
  if (object["value"].number() != known->value)
    return fmt::format("value of {} PriorityClass must be {}", name, known->value);
  if (object["globalDefault"].flag())
    return fmt::format("globalDefault of {} PriorityClass must be false", name);
  return "";
}

void check_priority_class(const Spot& object) {
  const Spot name = object["metadata"]["name"];
  const bool is_system = name.text().starts_with("system-");
  if (const std::string why = is_system ? no_system_priority(object) : ""; !why.empty())
    name.forbidden(fmt::format(
        "priority class names with 'system-' prefix are reserved for system use only. error: {}", why));
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

void same_toleration_once(const Spot& tolerations) {
  std::set<std::string> seen;
  tolerations.each([&](const Spot& toleration) {
    if (!seen.insert(toleration.value().to_text()).second) toleration.duplicate();
  });
}

void check_runtime_class(const Spot& object) {
  object["handler"].invalid_for(dns_label_faults(object["handler"].text()));
  overhead(object["overhead"], object["overhead"]["podFixed"]);
  const Spot scheduling = object["scheduling"];
  labels(scheduling["nodeSelector"]);
  tolerations(scheduling["tolerations"]);
  same_toleration_once(scheduling["tolerations"]);
}

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
    {.group = "",
     .kind = "Node",
     .begins_with_status = true,
     .check = check_node,
     .check_create = create_node,
     .check_update = update_node,
     .check_status = update_node_status},
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
