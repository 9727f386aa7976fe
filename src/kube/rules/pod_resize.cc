// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/pod_resize.h"

#include <algorithm>

#include <fmt/format.h>

#include "kube/api/tree_lists.h"
#include "kube/rules/checks.h"
#include "kube/rules/pod_quality.h"
#include "kube/rules/pod_spec.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::string_view kComputed[] = {"cpu", "memory"};
constexpr std::string_view kOnlyComputed = "only cpu and memory resources are mutable";

// A node that does not tell what its containers were given does not know how to change it.
bool is_on_old_node(const Tree& pod) {
  const Tree& statuses = member_of(member_of(pod, "status"), "containerStatuses");
  const auto running = std::ranges::find_if(
      statuses.array(), [](const Tree& status) { return status.find("state", "running") != nullptr; });
  return running != statuses.array().end() && running->find("resources") == nullptr;
}

bool claims_of_node(const Tree& pod) {
  const Tree* status = pod.find("status", "nodeAllocatableResourceClaimStatuses");
  return status != nullptr && !status->array().empty();
}

// Without what can be given while it runs.
Tree fixed(const Tree& resources) {
  Tree rest = resources.is_null() ? Tree(json::TreeObject()) : resources;
  for (auto& [list, amounts] : rest.object())
    for (const std::string_view name : kComputed)
      if (amounts.is_object()) amounts.object().erase(name);
  rest.object().erase_if(
      [](std::string_view, const Tree& amounts) { return amounts.is_object() && amounts.object().empty(); });
  return rest;
}

// Amounts may become others, but not none.
void nothing_removed(const Spot& resources, const Tree& before, std::string_view whose) {
  for (const char* list : {"requests", "limits"}) {
    const Spot amounts = resources[list];
    const auto is_gone = [&](const auto& was) { return amounts.value().find(was.first) == nullptr; };
    if (std::ranges::any_of(member_of(before, list).object(), is_gone))
      amounts.forbidden(fmt::format("{} {} cannot be removed", whose, list));
  }
}

void resize_whole(const Spot& spec, const Tree& before) {
  const Tree& was = member_of(before, "resources");
  const Spot resources = spec["resources"];
  if (was.is_null() && !resources.is_set()) return;
  if (!resources.is_set()) return resources.forbidden("pod-level resources cannot be removed");
  nothing_removed(resources, was, "pod-level resource");
  if (!(fixed(resources.value()) == fixed(was)))
    spec.forbidden("only cpu and memory resources are mutable at pod-level");
}

// Whether they are the containers that there were.
bool same_containers(const Spot& list, const Tree& before, std::string_view what) {
  const json::TreeArray& were = before.array();
  if (list.size() != were.size()) {
    list.forbidden(fmt::format("{} may not be added or removed on resize", what));
    return false;
  }
  bool are_same = true;
  for (std::size_t i = 0; i < were.size(); ++i) {
    if (list.value().array()[i].text_at("name") == were[i].text_at("name")) continue;
    list.at(i)["name"].forbidden(fmt::format("{} may not be renamed or reordered on resize", what));
    are_same = false;
  }
  return are_same;
}

void resize_containers(const Spot& spec, const Tree& before) {
  const Spot list = spec["containers"];
  const Tree& were = member_of(before, "containers");
  if (!same_containers(list, were, "containers")) return;
  bool is_only_computed = true;
  std::size_t index = 0;
  list.each([&](const Spot& container) {
    const Tree& was = member_of(were.array()[index++], "resources");
    nothing_removed(container["resources"], was, "resource");
    is_only_computed &= fixed(container["resources"].value()) == fixed(was);
  });
  if (!is_only_computed) spec.forbidden(kOnlyComputed);
}

void resize_init_container(const Spot& container, const Tree& before, const Spot& spec) {
  const Spot resources = container["resources"];
  const Tree& was = member_of(before, "resources");
  if (container["restartPolicy"].text() != "Always") {
    if (!is_same(&resources.value(), &was))
      spec.forbidden("resources for non-sidecar init containers are immutable");
    return;
  }
  nothing_removed(resources, was, "resource");
  if (!(fixed(resources.value()) == fixed(was)))
    container.forbidden("only cpu and memory resources for init or sidecar containers are mutable");
}

void resize_init_containers(const Spot& spec, const Tree& before) {
  const Spot list = spec["initContainers"];
  const Tree& were = member_of(before, "initContainers");
  if (!same_containers(list, were, "initContainers")) return;
  std::size_t index = 0;
  list.each([&](const Spot& container) { resize_init_container(container, were.array()[index++], spec); });
}

void same_quality(const Spot& spec, const Tree& before) {
  const std::string_view quality = before.text_at("status", "qosClass");
  if (quality != quality_of_service(spec.value()))
    spec.invalid(Tree(quality), "Pod QOS Class may not change as a result of resizing");
}

}  // namespace

void resize_pod(const Spot& object, const Tree& before) {
  const Spot spec = object["spec"];
  const Tree& was = member_of(before, "spec");
  if (before.find("metadata", "annotations", kMirrorOf) != nullptr)
    return object.forbidden("static pods cannot be resized");
  if (was.text_at("os", "name") == "windows") return object.forbidden("windows pods cannot be resized");
  if (is_on_old_node(before)) spec.forbidden("Pod running on node without support for resize");
  if (claims_of_node(before)) spec.forbidden("pods with node allocatable resource claims cannot be resized");
  same_quality(spec, before);
  resize_whole(spec, was);
  resize_containers(spec, was);
  resize_init_containers(spec, was);
}

}  // namespace gantry::kube::rules
