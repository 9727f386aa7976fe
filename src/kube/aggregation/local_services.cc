// SPDX-License-Identifier: Apache-2.0
#include "kube/aggregation/local_services.h"

#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "kube/api/stored_kinds.h"
#include "kube/schema/catalog.h"

namespace gantry::kube {
namespace {

constexpr std::string_view kManaged = "kube-aggregator.kubernetes.io/automanaged";
constexpr std::string_view kOfProgram = "onstart", kOfDefinition = "true";

struct Priority {
  int group = 1000, version = 100;  // of custom ones
};

// As stock servers have them; only their order means something, and that to clients that are asked for a
// kind without its group.
Priority priority_of(std::string_view group, std::string_view version) {
  static const std::map<std::string_view, int> kGroups = {{"", 18000},
                                                          {"apps", 17800},
                                                          {"events.k8s.io", 17750},
                                                          {"authentication.k8s.io", 17700},
                                                          {"authorization.k8s.io", 17600},
                                                          {"autoscaling", 17500},
                                                          {"batch", 17400},
                                                          {"certificates.k8s.io", 17300},
                                                          {"networking.k8s.io", 17200},
                                                          {"policy", 17100},
                                                          {"rbac.authorization.k8s.io", 17000},
                                                          {"storage.k8s.io", 16800},
                                                          {"admissionregistration.k8s.io", 16700},
                                                          {"apiextensions.k8s.io", 16700},
                                                          {"scheduling.k8s.io", 16600},
                                                          {"coordination.k8s.io", 16500},
                                                          {"node.k8s.io", 16300},
                                                          {"discovery.k8s.io", 16200},
                                                          {"flowcontrol.apiserver.k8s.io", 16100}};
  const auto found = kGroups.find(group);
  if (found == kGroups.end()) return {};
  return {found->second, group.empty() ? 1 : version == "v2" ? 30 : 15};
}

bool is_built_in(const Resource& resource) {
  return Catalog::built_in().find(resource.kind.group, resource.kind.version, resource.plural) == &resource;
}

json::Tree service_of(const std::string& name, const Resource& resource) {
  const Priority priority = priority_of(resource.kind.group, resource.kind.version);
  json::Tree object;
  object.object()["apiVersion"] = "apiregistration.k8s.io/v1";
  object.object()["kind"] = "APIService";
  json::TreeObject& metadata = object.object()["metadata"].object();
  metadata["name"] = name;
  metadata["labels"].object()[kManaged] = is_built_in(resource) ? kOfProgram : kOfDefinition;
  json::TreeObject& spec = object.object()["spec"].object();
  spec["group"] = resource.kind.group;
  spec["version"] = resource.kind.version;
  spec["groupPriorityMinimum"] = priority.group;
  spec["versionPriority"] = priority.version;
  return object;
}

}  // namespace

LocalServices compare_local_services(const std::vector<const Resource*>& resources,
                                     const ObjectSource& objects) {
  std::set<std::string, std::less<>> present;
  std::vector<std::string> managed;
  for (const json::Tree& object : objects.list(stored::kApiServices, "")) {
    std::string name(object.text_at("metadata", "name"));
    if (object.text_at("metadata", "labels", kManaged) == kOfDefinition) managed.push_back(name);
    present.insert(std::move(name));
  }
  LocalServices services;
  std::set<std::string, std::less<>> wanted;
  for (const Resource* resource : resources) {
    std::string name = fmt::format("{}.{}", resource->kind.version, resource->kind.group);
    if (!wanted.insert(name).second || present.contains(name)) continue;
    services.missing.push_back(service_of(name, *resource));
  }
  for (std::string& name : managed)
    if (!wanted.contains(name)) services.surplus.push_back(std::move(name));
  return services;
}

}  // namespace gantry::kube
