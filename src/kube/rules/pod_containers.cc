// SPDX-License-Identifier: Apache-2.0
//
// Containers of pods, of all three kinds.
#include <fmt/format.h>

#include "base/trim.h"
#include "kube/rules/checks.h"
#include "kube/rules/pod_spec.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::string_view kPullPolicies[] = {"Always", "IfNotPresent", "Never"};
constexpr std::string_view kMessagePolicies[] = {"File", "FallbackToLogsOnError"};
constexpr std::string_view kProtocols[] = {"SCTP", "TCP", "UDP"};
constexpr std::string_view kRestartPolicies[] = {"Always", "Never", "OnFailure"};
constexpr std::string_view kRestartActions[] = {"Restart", "RestartAllContainers"};
constexpr std::string_view kExitOperators[] = {"In", "NotIn"};
constexpr std::size_t kRestartRules = 20;
constexpr std::size_t kExitCodes = 255;
constexpr const char* kNotEphemeral[] = {"ports",          "resources",          "resizePolicy",
                                         "restartPolicy",  "restartPolicyRules", "livenessProbe",
                                         "readinessProbe", "startupProbe",       "lifecycle"};

// What containers of one pod share.
struct Pod {
  const Spot& spec;
  const Volumes& volumes;
  const bool is_template;
  const Names claims;
  Names names;  // of containers
};

// ---- Ports

using HostPorts = std::set<std::string>;

void port_name(const Spot& name, Names& names) {
  if (name.text().empty()) return;
  if (const Faults faults = port_name_faults(name.text()); !faults.empty())
    name.invalid_for(faults);
  else if (!names.insert(name.text()).second)
    name.duplicate();
}

void ports(const Spot& ports) {
  Names names;
  ports.each([&](const Spot& port) {
    port_name(port["name"], names);
    const Spot inside = port["containerPort"];
    if (inside.number() == 0)
      inside.required();
    else
      port_number(inside);
    if (const Spot outside = port["hostPort"]; outside.number() != 0) port_number(outside);
    one_of(port["protocol"], kProtocols);
  });
}

void host_ports(const Spot& container, HostPorts& taken) {
  container["ports"].each([&](const Spot& port) {
    const Spot number = port["hostPort"];
    if (number.number() == 0) return;
    std::string text =
        fmt::format("{}/{}/{}", port["protocol"].text(), port["hostIP"].text(), number.number());
    if (taken.contains(text))
      number.duplicate(Tree(text));
    else
      taken.insert(std::move(text));
  });
}

// There both are the same ports.
void ports_of_host_network(const Spot& container, bool is_template) {
  container["ports"].each([&](const Spot& port) {
    const Spot outside = port["hostPort"];
    if (outside.number() == 0 && is_template) return;
    if (outside.number() != port["containerPort"].number())
      outside.invalid(Tree(outside.number()), "must match `containerPort` when `hostNetwork` is true");
  });
}

// ---- Restarts

void restart_rule(const Spot& rule) {
  one_of(rule["action"], kRestartActions);
  const Spot codes = rule["exitCodes"];
  if (!codes.is_set()) return codes.required("must be specified");
  one_of(codes["operator"], kExitOperators);
  if (const Spot values = codes["values"]; values.size() > kExitCodes)
    values.too_many(values.size(), kExitCodes);
}

void restarts(const Spot& container) {
  const Spot policy = container["restartPolicy"];
  const Spot rules = container["restartPolicyRules"];
  if (policy.is_set()) one_of(policy, kRestartPolicies);
  if (rules.size() == 0) return;
  if (!policy.is_set()) policy.required("must specify restartPolicy when restart rules are used");
  if (rules.size() > kRestartRules) rules.too_many(rules.size(), kRestartRules);
  rules.each(restart_rule);
}

// ---- The three kinds

void image_name(const Spot& image, bool is_template) {
  required(image);
  if (!is_template && trimmed(image.text()) != image.text())
    image.invalid("must not have leading or trailing whitespace");
}

void common(const Spot& container, Pod& pod) {
  named(container["name"], dns_label_faults);
  image_name(container["image"], pod.is_template);
  one_of(container["terminationMessagePolicy"], kMessagePolicies);
  ports(container["ports"]);
  environment(container);
  mounts(container, pod.volumes);
  one_of(container["imagePullPolicy"], kPullPolicies);
  container_resources(container, pod.spec, pod.claims);
  container_security(container["securityContext"], has_users_of_host(pod.spec));
  if (!pod.names.insert(container["name"].text()).second) container["name"].duplicate();
}

bool stays(const Spot& container) { return container["restartPolicy"].text() == "Always"; }

void ends_by_itself(const Spot& container) {
  for (const char* field : {"lifecycle", "livenessProbe", "readinessProbe", "startupProbe"})
    if (container[field].is_set())
      container[field].forbidden("may not be set for init containers without restartPolicy=Always");
  container["resizePolicy"].each([](const Spot& policy) {
    if (policy["restartPolicy"].text() == "RestartContainer")
      policy["restartPolicy"].invalid("must not be set to 'RestartContainer' for non-sidecar initContainers");
  });
}

// Those that end before the others start use their ports one after the other.
void init_container(const Spot& container, Pod& pod) {
  common(container, pod);
  restarts(container);
  if (stays(container))
    long_running(container, pod.spec);
  else
    ends_by_itself(container);
  HostPorts own;
  host_ports(container, own);
}

void ephemeral_container(const Spot& container, Pod& pod, const Names& targets) {
  common(container, pod);
  const Spot target = container["targetContainerName"];
  if (!target.text().empty() && !targets.contains(target.text())) target.not_found();
  constexpr std::string_view kWhy = "cannot be set for an Ephemeral Container";
  for (const char* field : kNotEphemeral)
    if (container[field].has_something()) container[field].forbidden(kWhy);
  container["volumeMounts"].each([&](const Spot& mount) {
    for (const char* field : {"subPath", "subPathExpr"})
      if (mount[field].has_something()) mount[field].forbidden(kWhy);
  });
}

}  // namespace

void containers(const Spot& spec, const Volumes& volumes, bool is_template) {
  Pod pod{.spec = spec,
          .volumes = volumes,
          .is_template = is_template,
          .claims = names_of_claims(spec),
          .names = {}};
  const Spot list = spec["containers"];
  if (list.size() == 0) list.required();
  list.each([&](const Spot& container) {
    common(container, pod);
    long_running(container, spec);
    restarts(container);
  });
  HostPorts taken;
  list.each([&](const Spot& container) { host_ports(container, taken); });
  const Names targets = pod.names;
  spec["initContainers"].each([&](const Spot& container) { init_container(container, pod); });
  spec["ephemeralContainers"].each(
      [&](const Spot& container) { ephemeral_container(container, pod, targets); });
  if (spec["hostNetwork"].flag())
    list.each([&](const Spot& container) { ports_of_host_network(container, is_template); });
}

}  // namespace gantry::kube::rules
