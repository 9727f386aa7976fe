// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/pod_spec.h"

#include <algorithm>

#include <fmt/format.h>

#include "kube/api/selector.h"
#include "kube/rules/checks.h"
#include "kube/rules/resource_names.h"

namespace gantry::kube::rules {
namespace {

constexpr std::string_view kRestartPolicies[] = {"Always", "Never", "OnFailure"};
constexpr std::string_view kDnsPolicies[] = {"ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"};
constexpr std::string_view kPreemption[] = {"Never", "PreemptLowerPriority"};
constexpr std::string_view kSystems[] = {"linux", "windows"};
constexpr std::string_view kGroupChanges[] = {"Always", "OnRootMismatch"};
constexpr std::size_t kNameServers = 3;
constexpr std::size_t kSearchDomains = 32;
constexpr std::size_t kSearchSize = 2048;

void dns(const Spot& spec) {
  one_of(spec["dnsPolicy"], kDnsPolicies);
  const Spot config = spec["dnsConfig"];
  const Spot servers = config["nameservers"];
  if (spec["dnsPolicy"].text() == "None") {
    if (!config.is_set()) return config.required("must provide `dnsConfig` when `dnsPolicy` is None");
    if (servers.size() == 0)
      servers.required("must provide at least one DNS nameserver when `dnsPolicy` is None");
  }
  if (servers.size() > kNameServers)
    servers.invalid(fmt::format("must not have more than {} nameservers", kNameServers));
  servers.each(ip_address);
  const Spot searches = config["searches"];
  if (searches.size() > kSearchDomains)
    searches.invalid(fmt::format("must not have more than {} search paths", kSearchDomains));
  std::size_t size = 0;
  searches.each([&](const Spot& domain) { size += domain.text().size() + 1; });
  if (size > kSearchSize + 1)
    searches.invalid(fmt::format(
        "must not have more than {} characters (including spaces) in the search list", kSearchSize));
  config["options"].each([](const Spot& option) { required(option["name"], "must not be empty"); });
}

void host_aliases(const Spot& aliases) {
  aliases.each([](const Spot& alias) {
    ip_address(alias["ip"]);
    alias["hostnames"].each([](const Spot& name) { name.invalid_for(dns_subdomain_faults(name.text())); });
  });
}

void security(const Spot& security, bool is_host_network) {
  within(security["runAsUser"], 0, INT32_MAX);
  within(security["runAsGroup"], 0, INT32_MAX);
  within(security["fsGroup"], 0, INT32_MAX);
  security["supplementalGroups"].each([](const Spot& group) { within(group, 0, INT32_MAX); });
  one_of_if_set(security["fsGroupChangePolicy"], kGroupChanges);
  Names names;
  security["sysctls"].each([&](const Spot& sysctl) {
    const Spot name = sysctl["name"];
    required(name);
    if (!names.insert(name.text()).second) name.duplicate();
    if (is_host_network && name.text().starts_with("net."))
      name.invalid("may not be specified when 'hostNetwork' is true");
  });
}

void gates(const Spot& gates, const char* field) {
  Names names;
  gates.each([&](const Spot& gate) {
    const Spot name = gate[field];
    name.invalid_for(label_key_faults(name.text()));
    if (!names.insert(name.text()).second) name.duplicate();
  });
}

}  // namespace

void pod_spec(const Spot& spec) {
  const Names named_volumes = volumes(spec["volumes"]);
  containers(spec, named_volumes);
  one_of(spec["restartPolicy"], kRestartPolicies);
  dns(spec);
  placement(spec);
  security(spec["securityContext"], spec["hostNetwork"].flag());
  host_aliases(spec["hostAliases"]);
  gates(spec["schedulingGates"], "name");
  gates(spec["readinessGates"], "conditionType");
  non_negative(spec["terminationGracePeriodSeconds"]);
  within(spec["activeDeadlineSeconds"], 1, INT32_MAX);
  named_if_set(spec["serviceAccountName"], dns_subdomain_faults);
  named_if_set(spec["hostname"], dns_label_faults);
  named_if_set(spec["subdomain"], dns_label_faults);
  named_if_set(spec["priorityClassName"], dns_subdomain_faults);
  named_if_set(spec["runtimeClassName"], dns_subdomain_faults);
  one_of_if_set(spec["preemptionPolicy"], kPreemption);
  if (spec["os"].is_set()) one_of(spec["os"]["name"], kSystems);
  resource_list(spec["overhead"], container_resource_name);
}

void pod_template(const Spot& pod_template, const json::Tree* selector,
                  std::span<const std::string_view> restart_policies) {
  const Spot metadata = pod_template["metadata"];
  // Kubernetes tells of them without the metadata between.
  labels(pod_template["labels"], metadata["labels"].value());
  annotations(pod_template["annotations"], metadata["annotations"].value());
  const Spot spec = pod_template["spec"];
  pod_spec(spec);
  if (spec["ephemeralContainers"].size() > 0)
    spec["ephemeralContainers"].forbidden("ephemeral containers not allowed in pod template");
  if (selector != nullptr) {
    const auto parsed = LabelSelector::from_tree(*selector);
    if (parsed && !parsed->matches(metadata["labels"].value()))
      metadata["labels"].invalid("`selector` does not match template `labels`");
  }
  const Spot policy = spec["restartPolicy"];
  const bool is_allowed = std::ranges::find(restart_policies, policy.text()) != restart_policies.end();
  if (!restart_policies.empty() && !policy.text().empty() && !is_allowed)
    policy.not_supported(restart_policies);
}

}  // namespace gantry::kube::rules
