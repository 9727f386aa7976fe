// SPDX-License-Identifier: Apache-2.0
#include "kube/admission/quota_usage.h"

#include <algorithm>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "kube/admission/pod_parts.h"
#include "kube/rules/pod_amounts.h"

namespace gantry::kube::admission {
namespace {

using json::Tree;

const Quantity kOne(1);

// Kinds of the core group that quotas count under their plain names, too.
constexpr std::string_view kCounted[] = {
    "configmaps", "persistentvolumeclaims", "pods", "replicationcontrollers", "resourcequotas", "secrets",
    "services"};

bool has_ended(const Tree& pod) {
  const std::string_view phase = pod.text_at("status", "phase");
  return phase == "Succeeded" || phase == "Failed";
}

bool is_native(std::string_view resource) { return resource.find('/') == std::string_view::npos; }

void add_pod(const Tree& pod, ResourceAmounts& usage) {
  if (has_ended(pod)) return;
  usage["pods"] = kOne;
  for (const auto& [name, amount] : rules::amounts_of_pod(pod, "requests")) {
    usage["requests." + name] = amount;
    // "cpu" is short for "requests.cpu"; devices have the long name only.
    if (is_native(name)) usage[name] = amount;
  }
  for (const auto& [name, amount] : rules::amounts_of_pod(pod, "limits"))
    if (is_native(name)) usage["limits." + name] = amount;
}

void add_service(const Tree& service, ResourceAmounts& usage) {
  const std::string_view type = service.text_at("spec", "type");
  const Tree* list = service.find("spec", "ports");
  const auto ports = static_cast<std::int64_t>(list == nullptr ? 0 : list->array().size());
  if (type == "NodePort") usage["services.nodeports"] = Quantity(ports);
  if (type != "LoadBalancer") return;
  usage["services.loadbalancers"] = kOne;
  const Tree* allocates = service.find("spec", "allocateLoadBalancerNodePorts");
  if (allocates == nullptr || allocates->as_bool()) usage["services.nodeports"] = Quantity(ports);
}

void add_claim(const Tree& claim, ResourceAmounts& usage) {
  const Quantity storage = amounts_at(claim, "spec", "resources", "requests")["storage"];
  usage["requests.storage"] = storage;
  std::string_view name = claim.text_at("metadata", "annotations", "volume.beta.kubernetes.io/storage-class");
  if (name.empty()) name = claim.text_at("spec", "storageClassName");
  if (name.empty()) return;
  const std::string prefix = fmt::format("{}.storageclass.storage.k8s.io/", name);
  usage[prefix + "requests.storage"] = storage;
  usage[prefix + "persistentvolumeclaims"] = kOne;
}

// Neither requests nor limits of processors and memory.
bool is_best_effort(const Tree& pod) {
  bool asks = false;
  for_each_container(pod, [&](const Tree& container) {
    for (const char* member : {"requests", "limits"})
      for (const char* name : {"cpu", "memory"})
        asks = asks || container.find("resources", member, name) != nullptr;
  });
  return !asks;
}

bool has_affinity_across_namespaces(const Tree& pod) {
  const auto reaches_out = [](const Tree& term) {
    const Tree* names = term.find("namespaces");
    return (names != nullptr && !names->array().empty()) || term.find("namespaceSelector") != nullptr;
  };
  for (const char* kind : {"podAffinity", "podAntiAffinity"}) {
    if (const Tree* terms =
            pod.find("spec", "affinity", kind, "requiredDuringSchedulingIgnoredDuringExecution"))
      if (std::ranges::any_of(terms->array(), reaches_out)) return true;
    if (const Tree* terms =
            pod.find("spec", "affinity", kind, "preferredDuringSchedulingIgnoredDuringExecution"))
      for (const Tree& term : terms->array())
        if (const Tree* preferred = term.find("podAffinityTerm");
            preferred != nullptr && reaches_out(*preferred))
          return true;
  }
  return false;
}

bool is_one_of(const Tree* values, std::string_view text) {
  return values != nullptr &&
         std::ranges::any_of(values->array(), [&](const Tree& value) { return value.as_string() == text; });
}

// One requirement of a scopeSelector; a plain scope is one that exists.
bool meets(const Tree& pod, std::string_view scope, std::string_view op, const Tree* values) {
  const bool is_terminating = pod.find("spec", "activeDeadlineSeconds") != nullptr;
  if (scope == "Terminating") return is_terminating;
  if (scope == "NotTerminating") return !is_terminating;
  if (scope == "BestEffort") return is_best_effort(pod);
  if (scope == "NotBestEffort") return !is_best_effort(pod);
  if (scope == "CrossNamespacePodAffinity") return has_affinity_across_namespaces(pod);
  if (scope != "PriorityClass") return false;
  const std::string_view name = pod.text_at("spec", "priorityClassName");
  if (op == "Exists") return !name.empty();
  if (op == "DoesNotExist") return name.empty();
  if (op == "In") return is_one_of(values, name);
  if (op == "NotIn") return !is_one_of(values, name);
  return false;
}

bool is_pod(const Resource& resource) { return resource.kind.group.empty() && resource.plural == "pods"; }

// What a container has to say for this name of a quota: "limits.cpu" is limits of cpu; nothing: it is not
// about containers.
struct Demand {
  const char* member;
  std::string name;
};
std::optional<Demand> demand_of(std::string_view resource) {
  if (resource == "cpu" || resource == "memory") return Demand{"requests", std::string(resource)};
  if (resource == "requests.cpu" || resource == "requests.memory")
    return Demand{"requests", std::string(resource.substr(resource.find('.') + 1))};
  if (resource == "limits.cpu" || resource == "limits.memory")
    return Demand{"limits", std::string(resource.substr(resource.find('.') + 1))};
  return std::nullopt;
}

}  // namespace

ResourceAmounts usage_of(const Resource& resource, const Tree& object) {
  ResourceAmounts usage;
  usage["count/" + resource.id().text()] = kOne;
  if (!resource.kind.group.empty()) return usage;
  if (is_pod(resource)) {
    add_pod(object, usage);
    return usage;
  }
  if (std::ranges::find(kCounted, resource.plural) != std::end(kCounted)) usage[resource.plural] = kOne;
  if (resource.plural == "services") add_service(object, usage);
  if (resource.plural == "persistentvolumeclaims") add_claim(object, usage);
  return usage;
}

bool is_in_scope(const Tree& quota, const Resource& resource, const Tree& object) {
  const Tree* scopes = quota.find("spec", "scopes");
  const Tree* expressions = quota.find("spec", "scopeSelector", "matchExpressions");
  const bool has_scopes = (scopes != nullptr && !scopes->array().empty()) ||
                          (expressions != nullptr && !expressions->array().empty());
  if (!has_scopes) return true;
  if (!is_pod(resource)) return false;
  if (scopes != nullptr)
    for (const Tree& scope : scopes->array())
      if (!meets(object, scope.as_string(), "Exists", nullptr)) return false;
  if (expressions != nullptr)
    for (const Tree& expression : expressions->array())
      if (!meets(object, expression.text_at("scopeName"), expression.text_at("operator"),
                 expression.find("values")))
        return false;
  return true;
}

std::vector<std::string> unsaid_amounts(const ResourceAmounts& hard, const Tree& pod) {
  std::vector<std::string> unsaid;
  for (const auto& [resource, limit] : hard) {
    const auto demand = demand_of(resource);
    // What the pod says for all of them is enough.
    if (!demand || pod.find("spec", "resources", demand->member, demand->name) != nullptr) continue;
    std::vector<std::string_view> containers;
    for (const char* kind : {kContainers, kInitContainers})
      for_each_of(pod, kind, [&](const Tree& container) {
        if (container.find("resources", demand->member, demand->name) == nullptr)
          containers.push_back(container.text_at("name"));
      });
    if (!containers.empty())
      unsaid.push_back(fmt::format("{} for: {}", resource, fmt::join(containers, ",")));
  }
  return unsaid;
}

}  // namespace gantry::kube::admission
