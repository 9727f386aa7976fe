// SPDX-License-Identifier: Apache-2.0
//
// Containers of pods, of all three kinds.
#include <fmt/format.h>

#include "kube/api/quantity.h"
#include "kube/rules/checks.h"
#include "kube/rules/pod_spec.h"
#include "kube/rules/resource_names.h"

namespace gantry::kube::rules {
namespace {

constexpr std::string_view kPullPolicies[] = {"Always", "IfNotPresent", "Never"};
constexpr std::string_view kMessagePolicies[] = {"FallbackToLogsOnError", "File"};
constexpr std::string_view kProtocols[] = {"SCTP", "TCP", "UDP"};
constexpr std::string_view kSchemes[] = {"HTTP", "HTTPS"};
constexpr std::string_view kPropagations[] = {"Bidirectional", "HostToContainer", "None"};
constexpr std::string_view kRestartPolicies[] = {"Always", "Never", "OnFailure"};
constexpr std::string_view kProcMounts[] = {"Default", "Unmasked"};
constexpr std::string_view kSeccompTypes[] = {"Localhost", "RuntimeDefault", "Unconfined"};
constexpr std::string_view kFields[] = {
    "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
    "status.hostIP", "status.hostIPs",     "status.podIP", "status.podIPs"};
constexpr std::string_view kResources[] = {"limits.cpu",   "limits.ephemeral-storage",   "limits.memory",
                                           "requests.cpu", "requests.ephemeral-storage", "requests.memory"};

// What containers of one pod share.
struct Shared {
  const Names& volumes;
  bool is_host_network;
  Names names;
  std::set<std::string> host_ports;
};

void ports(const Spot& ports, Shared& shared) {
  Names names;
  ports.each([&](const Spot& port) {
    if (const Spot name = port["name"]; !name.text().empty()) {
      if (const Faults faults = port_name_faults(name.text()); !faults.empty())
        name.invalid_for(faults);
      else if (!names.insert(name.text()).second)
        name.duplicate();
    }
    const Spot inside = port["containerPort"];
    if (inside.number() == 0)
      inside.required();
    else
      port_number(inside);
    one_of(port["protocol"], kProtocols);
    const Spot outside = port["hostPort"];
    if (outside.number() == 0) return;
    port_number(outside);
    if (shared.is_host_network && outside.number() != inside.number())
      inside.invalid("must match `hostPort` when `hostNetwork` is true");
    const std::string taken =
        fmt::format("{}/{}/{}", port["protocol"].text(), port["hostIP"].text(), outside.number());
    if (!shared.host_ports.insert(taken).second) outside.duplicate(json::Tree(taken));
  });
}

void variable_source(const Spot& variable) {
  const Spot from = variable["valueFrom"];
  if (!from.is_set()) return;
  if (!variable["value"].text().empty())
    from.invalid(json::Tree(""), "may not be specified when `value` is not empty");
  else if (from.size() == 0)
    from.invalid(json::Tree(""),
                 "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`");
  else if (from.size() > 1)
    from.invalid(json::Tree(""), "may not have more than one field specified at a time");
  if (const Spot path = from["fieldRef"]["fieldPath"]; from["fieldRef"].is_set()) {
    const bool is_subscript =
        path.text().starts_with("metadata.annotations['") || path.text().starts_with("metadata.labels['");
    if (!is_subscript) one_of(path, kFields);
  }
  if (const Spot resource = from["resourceFieldRef"]["resource"]; from["resourceFieldRef"].is_set()) {
    const bool is_huge = resource.text().find(".hugepages-") != std::string_view::npos;
    if (!is_huge) one_of(resource, kResources);
  }
  for (const char* kind : {"configMapKeyRef", "secretKeyRef"}) {
    const Spot reference = from[kind];
    if (!reference.is_set()) continue;
    required(reference["name"]);
    named(reference["key"], config_key_faults);
  }
}

void environment(const Spot& container) {
  container["env"].each([](const Spot& variable) {
    named(variable["name"], environment_name_faults);
    variable_source(variable);
  });
  container["envFrom"].each([](const Spot& source) {
    named_if_set(source["prefix"], environment_name_faults);
    const bool is_map = source["configMapRef"].is_set();
    const bool is_secret = source["secretRef"].is_set();
    if (is_map && is_secret)
      source.invalid(json::Tree(""), "may not have more than one field specified at a time");
    if (!is_map && !is_secret)
      source.invalid(json::Tree(""), "must specify one of: `configMapRef` or `secretRef`");
    for (const char* kind : {"configMapRef", "secretRef"})
      if (source[kind].is_set()) named(source[kind]["name"], dns_subdomain_faults);
  });
}

void mounts(const Spot& container, const Names& volumes) {
  Names paths;
  container["volumeMounts"].each([&](const Spot& mount) {
    required(mount["name"]);
    if (!mount["name"].text().empty() && !volumes.contains(mount["name"].text())) mount["name"].not_found();
    required(mount["mountPath"]);
    if (!paths.insert(mount["mountPath"].text()).second) mount["mountPath"].invalid("must be unique");
    relative_path(mount["subPath"]);
    relative_path(mount["subPathExpr"]);
    if (mount["subPath"].has_something() && mount["subPathExpr"].has_something())
      mount["subPathExpr"].invalid("subPathExpr and subPath are mutually exclusive");
    const Spot propagation = mount["mountPropagation"];
    one_of_if_set(propagation, kPropagations);
    if (propagation.text() == "Bidirectional" && !container["securityContext"]["privileged"].flag())
      propagation.forbidden("Bidirectional mount propagation is available only to privileged containers");
  });
  container["volumeDevices"].each([&](const Spot& device) {
    required(device["name"]);
    if (!device["name"].text().empty() && !volumes.contains(device["name"].text()))
      device["name"].not_found();
    required(device["devicePath"], "must not be empty");
    relative_path(device["devicePath"]);
  });
}

void http_get(const Spot& action) {
  required(action["path"]);
  port_number_or_name(action["port"]);
  one_of(action["scheme"], kSchemes);
  action["httpHeaders"].each(
      [](const Spot& header) { header["name"].invalid_for(header_name_faults(header["name"].text())); });
}

// exec, httpGet, tcpSocket, grpc, sleep: exactly one.
void handler(const Spot& handler) {
  std::size_t handlers = 0;
  for (const char* kind : {"exec", "httpGet", "tcpSocket", "grpc", "sleep"}) {
    const Spot action = handler[kind];
    if (!action.is_set()) continue;
    if (++handlers > 1) {
      action.forbidden("may not specify more than 1 handler type");
      continue;
    }
    if (action.path().ends_with("exec")) required(action["command"]);
    if (action.path().ends_with("httpGet")) http_get(action);
    if (action.path().ends_with("tcpSocket")) port_number_or_name(action["port"]);
    if (action.path().ends_with("grpc")) port_number(action["port"]);
  }
  if (handlers == 0) handler.required("must specify a handler type");
}

void probe(const Spot& probe, bool may_count_successes) {
  if (!probe.is_set()) return;
  handler(probe);
  for (const char* field :
       {"initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"})
    non_negative(probe[field]);
  const Spot grace = probe["terminationGracePeriodSeconds"];
  if (grace.is_set() && grace.number() <= 0) grace.invalid("must be greater than 0");
  const Spot successes = probe["successThreshold"];
  if (!may_count_successes && successes.is_set() && successes.number() != 1) successes.invalid("must be 1");
  if (may_count_successes && grace.is_set()) grace.invalid("must not be set for readinessProbes");
}

// Requests may not be above their limits; what cannot be overcommitted must equal them.
void request(const Spot& requests, const Spot& limits, std::string_view name, const json::Tree& amount) {
  const json::Tree* limit = limits.value().find(name);
  const bool must_equal = !may_be_overcommitted(name);
  if (limit == nullptr) {
    if (must_equal) limits.required("Limit must be set for non overcommitable resources");
    return;
  }
  const auto wanted = Quantity::from_tree(amount), most = Quantity::from_tree(*limit);
  if (!wanted || !most) return;
  if (must_equal && *wanted != *most)
    requests.invalid(json::Tree(wanted->text()),
                     fmt::format("must be equal to {} limit of {}", name, most->text()));
  else if (*wanted > *most)
    requests.invalid(json::Tree(wanted->text()),
                     fmt::format("must be less than or equal to {} limit of {}", name, most->text()));
}

void resources(const Spot& resources) {
  const Spot limits = resources["limits"];
  const Spot requests = resources["requests"];
  resource_list(limits, container_resource_name);
  resource_list(requests, container_resource_name);
  bool has_huge_pages = false, has_basics = false;
  for (const Spot& list : {limits, requests})
    for (const auto& [name, amount] : list.value().object()) {
      has_huge_pages |= is_huge_page(name);
      has_basics |= name == "cpu" || name == "memory";
    }
  for (const auto& [name, amount] : requests.value().object()) request(requests, limits, name, amount);
  if (has_huge_pages && !has_basics) resources.forbidden("HugePages require cpu or memory");
}

void security(const Spot& security) {
  if (!security.is_set()) return;
  within(security["runAsUser"], 0, INT32_MAX);
  within(security["runAsGroup"], 0, INT32_MAX);
  one_of_if_set(security["procMount"], kProcMounts);
  if (security["seccompProfile"].is_set()) one_of(security["seccompProfile"]["type"], kSeccompTypes);
  const Spot escalation = security["allowPrivilegeEscalation"];
  if (!escalation.is_set() || escalation.flag()) return;
  if (security["privileged"].flag())
    security.invalid("cannot set `allowPrivilegeEscalation` to false and `privileged` to true");
  security["capabilities"]["add"].each([&](const Spot& capability) {
    if (capability.text() == "CAP_SYS_ADMIN" || capability.text() == "SYS_ADMIN")
      security.invalid("cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN");
  });
}

void common(const Spot& container, Shared& shared) {
  unique_name(container["name"], shared.names);
  const Spot image = container["image"];
  required(image);
  if (image.text().find_first_not_of(" \t\r\n") != 0 && !image.text().empty())
    image.invalid("must not have leading or trailing whitespace");
  else if (!image.text().empty() && image.text().find_last_of(" \t\r\n") == image.text().size() - 1)
    image.invalid("must not have leading or trailing whitespace");
  one_of(container["imagePullPolicy"], kPullPolicies);
  one_of(container["terminationMessagePolicy"], kMessagePolicies);
  one_of_if_set(container["restartPolicy"], kRestartPolicies);
  ports(container["ports"], shared);
  environment(container);
  mounts(container, shared.volumes);
  resources(container["resources"]);
  security(container["securityContext"]);
}

void long_running(const Spot& container) {
  probe(container["livenessProbe"], false);
  probe(container["startupProbe"], false);
  probe(container["readinessProbe"], true);
  for (const char* when : {"postStart", "preStop"})
    if (container["lifecycle"][when].is_set()) handler(container["lifecycle"][when]);
}

void ends_by_itself(const Spot& container) {
  for (const char* field : {"lifecycle", "livenessProbe", "readinessProbe", "startupProbe"})
    if (container[field].is_set())
      container[field].forbidden("may not be set for init containers without restartPolicy=Always");
}

void ephemeral_container(const Spot& container, const Names& targets) {
  const Spot target = container["targetContainerName"];
  if (!target.text().empty() && !targets.contains(target.text())) target.not_found();
  for (const char* field :
       {"ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "resources"})
    if (container[field].has_something())
      container[field].forbidden("cannot be set for an Ephemeral Container");
}

}  // namespace

void containers(const Spot& spec, const Names& volumes) {
  Shared shared{
      .volumes = volumes, .is_host_network = spec["hostNetwork"].flag(), .names = {}, .host_ports = {}};
  if (spec["containers"].size() == 0) spec["containers"].required();
  spec["containers"].each([&](const Spot& container) {
    common(container, shared);
    long_running(container);
  });
  const Names targets = shared.names;
  // Those that end before the others start use their ports one after the other.
  spec["initContainers"].each([&](const Spot& container) {
    Shared alone{.volumes = volumes,
                 .is_host_network = shared.is_host_network,
                 .names = std::move(shared.names),
                 .host_ports = {}};
    common(container, alone);
    shared.names = std::move(alone.names);
    if (container["restartPolicy"].text() == "Always")
      long_running(container);
    else
      ends_by_itself(container);
  });
  spec["ephemeralContainers"].each([&](const Spot& container) {
    common(container, shared);
    ephemeral_container(container, targets);
  });
}

}  // namespace gantry::kube::rules
