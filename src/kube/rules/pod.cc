// SPDX-License-Identifier: Apache-2.0
//
// Pod: what it is made of cannot change once it exists, but for a few fields.
#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "kube/rules/checks.h"
#include "kube/rules/kind_rules.h"
#include "kube/rules/pod_spec.h"
#include "kube/rules/pod_status.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

// ---- Quality of service (https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/)

constexpr const char* kComputed[] = {"cpu", "memory"};

bool asks_for_something(const Tree& container) {
  return std::ranges::any_of(kComputed, [&](const char* name) {
    return container.find("resources", "limits", name) != nullptr ||
           container.find("resources", "requests", name) != nullptr;
  });
}

// Limits are set, and requests (which default to them) are the same.
bool is_guaranteed(const Tree& container) {
  return std::ranges::all_of(kComputed, [&](const char* name) {
    const Tree* limit = container.find("resources", "limits", name);
    const Tree* request = container.find("resources", "requests", name);
    return limit != nullptr && (request == nullptr || *request == *limit);
  });
}

const char* quality_of_service(const Tree& spec) {
  std::size_t count = 0;
  std::size_t asking = 0;
  std::size_t guaranteed = 0;
  for (const char* list : {"containers", "initContainers"}) {
    const Tree* containers = spec.find(list);
    if (containers == nullptr) continue;
    for (const Tree& container : containers->array()) {
      ++count;
      asking += asks_for_something(container);
      guaranteed += is_guaranteed(container);
    }
  }
  if (asking == 0) return "BestEffort";
  return guaranteed == count ? "Guaranteed" : "Burstable";
}

void prepare_pod(Tree& object, const Tree* before) {
  if (before != nullptr) return;
  static const Tree kNothing;
  const Tree* spec = object.find("spec");
  json::TreeObject status;
  status["phase"] = "Pending";
  status["qosClass"] = quality_of_service(spec == nullptr ? kNothing : *spec);
  if (spec != nullptr && spec->find("schedulingGates") != nullptr &&
      !spec->find("schedulingGates")->array().empty())
    status["conditions"] = json::TreeArray{
        *Tree::parse(R"({"type":"PodScheduled","status":"False","reason":"SchedulingGated",)"
                     R"("message":"Scheduling is blocked due to non-empty scheduling gates"})")};
  object.object()["status"] = std::move(status);
}

// It follows from what the pod is made of; nodes need not repeat it.
void prepare_pod_status(Tree& object, const Tree& before) {
  const std::string_view quality = before.text_at("status", "qosClass");
  if (!quality.empty() && object.text_at("status", "qosClass").empty())
    object.object()["status"].object()["qosClass"] = quality;
}

void check_pod(const Spot& object) { pod_spec(object["spec"]); }

void create_pod(const Spot& object) {
  const Spot spec = object["spec"];
  if (spec["ephemeralContainers"].size() > 0)
    spec["ephemeralContainers"].forbidden("cannot be set on create");
  if (spec["nodeName"].has_something() && spec["schedulingGates"].size() > 0)
    spec["nodeName"].forbidden("cannot be set until all schedulingGates have been cleared");
}

// ---- Updates

constexpr std::string_view kOnlyThese =
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

std::int64_t number_at(const Tree& spec, const char* field) {
  const Tree* value = spec.find(field);
  return value == nullptr ? 0 : value->as_int64().value_or(0);
}

bool is_gated(const Tree& spec) {
  const Tree* gates = spec.find("schedulingGates");
  return gates != nullptr && !gates->array().empty();
}

void take_back(Tree& object, const Tree& before, std::string_view field) {
  if (const Tree* value = before.find(field))
    object.object()[field] = *value;
  else
    object.object().erase(field);
}

// The spec with everything as it was that may change.
Tree without_changes(const Tree& spec, const Tree& before) {
  Tree same = spec;
  for (const char* list : {"containers", "initContainers"}) {
    Tree* containers = same.object().find(list);
    const Tree* were = before.find(list);
    if (containers == nullptr || were == nullptr || containers->array().size() != were->array().size())
      continue;
    for (std::size_t i = 0; i < were->array().size(); ++i)
      take_back(containers->array()[i], were->array()[i], "image");
  }
  take_back(same, before, "activeDeadlineSeconds");
  take_back(same, before, "tolerations");
  take_back(same, before, "schedulingGates");
  if (number_at(before, "terminationGracePeriodSeconds") < 0 &&
      number_at(spec, "terminationGracePeriodSeconds") == 1)
    take_back(same, before, "terminationGracePeriodSeconds");
  if (is_gated(before))
    for (const char* field : {"affinity", "nodeSelector"}) take_back(same, before, field);
  return same;
}

void deadline(const Spot& deadline, const Tree& before) {
  const Tree* was = before.find("activeDeadlineSeconds");
  if (was == nullptr) return;
  if (!deadline.is_set())
    deadline.invalid("must not update from a positive integer to nil value");
  else if (deadline.number() > was->as_int64().value_or(0))
    deadline.invalid("must be less than or equal to previous value");
}

// Everything of it but for how long.
auto identity_of(const Tree& toleration) {
  return std::tuple(toleration.text_at("key"), toleration.text_at("operator"), toleration.text_at("value"),
                    toleration.text_at("effect"));
}

// Those that were there stay; only for how long may change.
void tolerations(const Spot& tolerations, const Tree& before) {
  const Tree* were = before.find("tolerations");
  if (were == nullptr) return;
  std::set<decltype(identity_of(*were))> there;
  for (const Tree& toleration : tolerations.value().array()) there.insert(identity_of(toleration));
  const auto stays = [&](const Tree& was) { return there.contains(identity_of(was)); };
  if (!std::ranges::all_of(were->array(), stays))
    tolerations.forbidden("existing toleration can not be modified except its tolerationSeconds");
}

void scheduling_gates(const Spot& gates, const Tree& before) {
  const Tree* were = before.find("schedulingGates");
  Names old;
  if (were != nullptr)
    for (const Tree& gate : were->array()) old.insert(gate.text_at("name"));
  gates.each([&](const Spot& gate) {
    const std::string_view name = gate["name"].text();
    if (!old.contains(name))
      gate.forbidden(fmt::format("only deletion is allowed, but found new scheduling gate '{}'", name));
  });
}

// While it is gated, a pod's selector may only become narrower.
void node_selector(const Spot& selector, const Tree& before) {
  const Tree* was = before.find("nodeSelector");
  if (was == nullptr || !is_gated(before)) return;
  for (const auto& [key, value] : was->object())
    if (const Tree* now = selector.value().find(key); now == nullptr || !(*now == value))
      return selector.invalid("only additions to spec.nodeSelector are allowed (no mutations or deletions)");
}

void update_pod(const Spot& object, const Tree& stored) {
  const Tree* before = stored.find("spec");
  if (before == nullptr) return;
  const Spot spec = object["spec"];
  for (const char* list : {"containers", "initContainers"}) {
    const Tree* were = before->find(list);
    if (spec[list].size() == (were == nullptr ? 0 : were->array().size())) continue;
    return spec[list].forbidden("pod updates may not add or remove containers");
  }
  deadline(spec["activeDeadlineSeconds"], *before);
  tolerations(spec["tolerations"], *before);
  scheduling_gates(spec["schedulingGates"], *before);
  node_selector(spec["nodeSelector"], *before);
  const Tree same = without_changes(spec.value(), *before);
  if (!is_same(&same, before)) spec.forbidden(kOnlyThese);
}

// ---- Subresources

// Those that were added stay, as they were.
void update_ephemeral_containers(const Spot& containers, const Tree& stored) {
  const Tree* before = stored.find("spec", "ephemeralContainers");
  if (before == nullptr) return;
  std::map<std::string_view, const Tree*> now;
  for (const Tree& container : containers.value().array()) now.emplace(container.text_at("name"), &container);
  for (const Tree& was : before->array()) {
    const auto is = now.find(was.text_at("name"));
    if (is == now.end())
      containers.forbidden(
          fmt::format("existing ephemeral containers \"{}\" may not be removed", was.text_at("name")));
    else if (!(*is->second == was))
      containers.forbidden(
          fmt::format("existing ephemeral containers \"{}\" may not be changed", was.text_at("name")));
  }
}

// A container's resources without those that can be given to it while it runs.
Tree fixed_resources(const Tree& container) {
  const Tree* found = container.find("resources");
  Tree resources = found == nullptr ? Tree(json::TreeObject()) : *found;
  for (auto& [list, amounts] : resources.object())
    for (const char* name : kComputed)
      if (amounts.is_object()) amounts.object().erase(name);
  resources.object().erase_if(
      [](std::string_view, const Tree& amounts) { return amounts.is_object() && amounts.object().empty(); });
  return resources;
}

void resize(const Spot& spec, const Tree& before) {
  for (const char* list : {"containers", "initContainers"}) {
    const Tree* were = before.find(list);
    spec[list].each([&, i = std::size_t{0}](const Spot& container) mutable {
      if (were != nullptr && i < were->array().size() &&
          !(fixed_resources(container.value()) == fixed_resources(were->array()[i])))
        container["resources"].forbidden("only cpu and memory resources are mutable");
      ++i;
    });
  }
  const std::string_view quality = quality_of_service(spec.value());
  if (quality != quality_of_service(before))
    spec.invalid(Tree(quality), "Pod QOS Class may not change as a result of resizing");
}

void update_part(std::string_view subresource, const Spot& object, const Tree& before) {
  if (subresource == "ephemeralcontainers")
    update_ephemeral_containers(object["spec"]["ephemeralContainers"], before);
  if (subresource == "resize" && before.find("spec") != nullptr) resize(object["spec"], *before.find("spec"));
}

// A template that nothing runs of itself.
void check_template(const Spot& object) {
  constexpr std::string_view kAnyPolicy[] = {"Always", "Never", "OnFailure"};
  pod_template(object["template"], nullptr, kAnyPolicy);
}

constexpr KindRules kRules[] = {
    {.group = "",
     .kind = "Pod",
     .counts_generations = true,
     .prepare = prepare_pod,
     .prepare_status = prepare_pod_status,
     .check = check_pod,
     .check_create = create_pod,
     .check_update = update_pod,
     .check_part = update_part,
     .check_status = update_pod_status},
    {.group = "", .kind = "PodTemplate", .counts_generations = true, .check = check_template}};

}  // namespace

std::span<const KindRules> pod_rules() { return kRules; }

}  // namespace gantry::kube::rules
