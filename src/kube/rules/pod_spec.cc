// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/pod_spec.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "kube/api/selector.h"
#include "kube/rules/checks.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::string_view kRestartPolicies[] = {"Always", "OnFailure", "Never"};
constexpr std::string_view kDnsPolicies[] = {"ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"};
constexpr std::string_view kPreemption[] = {"PreemptLowerPriority", "Never"};

constexpr std::string_view kDeletionCost = "controller.kubernetes.io/pod-deletion-cost";

void scheduling_gates(const Spot& gates) {
  Names names;
  gates.each([&](const Spot& gate) {
    const Tree& name = gate["name"].value();
    for (const std::string& fault : label_key_faults(name.as_string())) gate.invalid(name, fault);
    if (!names.insert(name.as_string()).second) gate.duplicate(name);
  });
}

void readiness_gates(const Spot& gates) {
  gates.each([](const Spot& gate) {
    gate["conditionType"].invalid_for(label_key_faults(gate["conditionType"].text()));
  });
}

// Pods that are placed together.
void scheduling_group(const Spot& group) {
  if (!group.is_set()) return;
  const Spot name = group["podGroupName"];
  if (!name.is_set()) return name.invalid("must specify one of: `podGroupName`");
  name.invalid_for(dns_subdomain_faults(name.text()));
}

void placement(const Spot& spec) {
  affinity(spec["affinity"]);
  dns_config(spec);
  readiness_gates(spec["readinessGates"]);
  scheduling_gates(spec["schedulingGates"]);
  spread(spec["topologySpreadConstraints"]);
}

void names(const Spot& spec) {
  hostname_override(spec);
  named_if_set(spec["serviceAccountName"], dns_subdomain_faults);
  named_if_set(spec["nodeName"], dns_subdomain_faults);
  within(spec["activeDeadlineSeconds"], 1, INT32_MAX);
  named_if_set(spec["hostname"], dns_label_faults);
  named_if_set(spec["subdomain"], dns_label_faults);
}

// A number without anything that need not be there.
bool is_cost(std::string_view text) {
  std::int32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && fmt::format("{}", number) == text;
}

}  // namespace

void pod_spec(const Spot& spec, std::string_view pod) {
  const Volumes known = volumes(spec["volumes"], pod);
  resource_claims(spec["resourceClaims"]);
  containers(spec, known, pod.empty());
  pod_resources(spec);
  one_of(spec["restartPolicy"], kRestartPolicies);
  one_of(spec["dnsPolicy"], kDnsPolicies);
  labels(spec["nodeSelector"]);
  pod_security(spec);
  placement(spec);
  host_processes(spec);
  own_users(spec);
  names(spec);
  tolerations(spec["tolerations"]);
  host_aliases(spec["hostAliases"]);
  named_if_set(spec["priorityClassName"], dns_subdomain_faults);
  if (const Spot runtime = spec["runtimeClassName"]; runtime.is_set())
    runtime.invalid_for(dns_subdomain_faults(runtime.text()));
  one_of_if_set(spec["preemptionPolicy"], kPreemption);
  overhead(spec["overhead"], spec["overhead"]);
  operating_system(spec);
  scheduling_group(spec["schedulingGroup"]);
  environment_files(spec);
}

void pod_annotations(const Spot& annotations, const Spot& spec) {
  if (annotations.key(kMirrorOf).is_set() && spec["nodeName"].text().empty())
    annotations.key(kMirrorOf).invalid("must set spec.nodeName if mirror pod annotation is set");
  if (const Spot cost = annotations.key(kDeletionCost); cost.is_set() && !is_cost(cost.text()))
    cost.invalid("must be a 32bit integer");
  profile_annotations(annotations, spec);
}

void pod_template_metadata(const Spot& pod_template) {
  const Spot metadata = pod_template["metadata"];
  // Kubernetes tells of them without the metadata between.
  labels(pod_template["labels"].with_value_of(metadata["labels"]));
  annotations(pod_template["annotations"].with_value_of(metadata["annotations"]));
}

void pod_template(const Spot& pod_template, const Tree* selector,
                  std::span<const std::string_view> restart_policies) {
  const Spot metadata = pod_template["metadata"];
  if (selector != nullptr) {
    const auto parsed = LabelSelector::from_tree(*selector);
    if (parsed && !parsed->matches(metadata["labels"].value()))
      metadata["labels"].invalid("`selector` does not match template `labels`");
  }
  pod_template_metadata(pod_template);
  const Spot spec = pod_template["spec"];
  pod_annotations(pod_template["annotations"].with_value_of(metadata["annotations"]), spec);
  pod_spec(spec, "");
  profiles_match_annotations(metadata["annotations"].value(), spec);
  if (spec["ephemeralContainers"].size() > 0)
    spec["ephemeralContainers"].forbidden("ephemeral containers not allowed in pod template");
  const Spot policy = spec["restartPolicy"];
  const bool is_allowed = std::ranges::find(restart_policies, policy.text()) != restart_policies.end();
  if (!restart_policies.empty() && !policy.text().empty() && !is_allowed)
    policy.not_supported(restart_policies);
}

}  // namespace gantry::kube::rules
