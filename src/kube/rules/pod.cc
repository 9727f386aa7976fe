// SPDX-License-Identifier: Apache-2.0
//
// Pod: what it is made of cannot change once it exists, but for a few fields.
#include <algorithm>
#include <map>
#include <ranges>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "kube/api/tree_lists.h"
#include "kube/rules/checks.h"
#include "kube/rules/kind_rules.h"
#include "kube/rules/pod_quality.h"
#include "kube/rules/pod_resize.h"
#include "kube/rules/pod_spec.h"
#include "kube/rules/pod_status.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

void prepare_pod(Tree& object, const Tree* before) {
  if (before != nullptr) return;
  const Tree* spec = object.find("spec");
  json::TreeObject status;
  status["phase"] = "Pending";
  status["qosClass"] = quality_of_service(member_of(object, "spec"));
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

// A token is an account's.
void tokens_have_accounts(const Spot& spec) {
  if (!spec["serviceAccountName"].text().empty()) return;
  spec["volumes"].each([](const Spot& volume) {
    volume["projected"]["sources"].each([](const Spot& source) {
      if (const Spot token = source["serviceAccountToken"]; token.is_set())
        token.forbidden("must not be specified when serviceAccountName is not set");
    });
  });
}

void check_pod(const Spot& object) {
  const Spot annotations = object["metadata"]["annotations"];
  const Spot spec = object["spec"];
  pod_annotations(annotations, spec);
  pod_spec(spec, object["metadata"]["name"].text());
  tokens_have_accounts(spec);
  if (annotations.key(kMirrorOf).is_set() && spec["resourceClaims"].size() > 0)
    object.forbidden("static pods do not support resource claims");
}

void create_pod(const Spot& object) {
  const Spot spec = object["spec"];
  if (spec["ephemeralContainers"].size() > 0)
    spec["ephemeralContainers"].forbidden("cannot be set on create");
  if (spec["nodeName"].has_something() && spec["schedulingGates"].size() > 0)
    spec["nodeName"].forbidden("cannot be set until all schedulingGates have been cleared");
  profiles_match_annotations(object["metadata"]["annotations"].value(), spec);
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

// Of affinity, only that to nodes may change: an affinity without anything in it is none.
void take_back_node_affinity(Tree& spec, const Tree& before) {
  const Tree* was = before.find("affinity");
  Tree affinity = spec.find("affinity") == nullptr ? Tree(json::TreeObject()) : *spec.find("affinity");
  take_back(affinity, member_of(before, "affinity"), "nodeAffinity");
  if (is_same(&affinity, was))
    take_back(spec, before, "affinity");
  else
    spec.object()["affinity"] = std::move(affinity);
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
  if (is_gated(before)) {
    take_back(same, before, "nodeSelector");
    take_back_node_affinity(same, before);
  }
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
      gate["name"].forbidden(
          fmt::format("only deletion is allowed, but found new scheduling gate '{}'", name));
  });
}

// While it is gated, a pod's selector may only become narrower.
void node_labels(const Spot& selector, const Tree& before) {
  const Tree* was = before.find("nodeSelector");
  if (was == nullptr || !is_gated(before)) return;
  for (const auto& [key, value] : was->object())
    if (const Tree* now = selector.value().find(key); now == nullptr || !(*now == value))
      return selector.invalid("only additions to spec.nodeSelector are allowed (no mutations or deletions)");
}

const Tree* list_in(const Tree& term, const char* list) {
  const Tree* found = term.find(list);
  return found == nullptr || found->array().empty() ? nullptr : found;
}

// What a term asked for it still asks for, first.
bool is_narrower(const Tree& term, const Tree& before) {
  // One that asks for nothing selects nothing, and would select something.
  const bool asked =
      list_in(before, "matchExpressions") != nullptr || list_in(before, "matchFields") != nullptr;
  if (!asked) return term == before;
  return std::ranges::all_of(
      std::initializer_list<const char*>{"matchExpressions", "matchFields"}, [&](const char* list) {
        const Tree* was = list_in(before, list);
        const Tree* now = list_in(term, list);
        if (was == nullptr) return true;
        return now != nullptr && now->array().size() >= was->array().size() &&
               std::ranges::equal(was->array(), now->array() | std::views::take(was->array().size()));
      });
}

// The same for its affinity to nodes.
void node_affinity(const Spot& affinity, const Tree& before) {
  constexpr const char* kRequired = "requiredDuringSchedulingIgnoredDuringExecution";
  if (!is_gated(before)) return;
  const Tree* were = before.find("affinity", "nodeAffinity", kRequired, "nodeSelectorTerms");
  if (were == nullptr || were->array().empty()) return;
  const Spot terms = affinity["nodeAffinity"][kRequired]["nodeSelectorTerms"];
  if (terms.size() != were->array().size())
    return terms.invalid("no additions/deletions to non-empty NodeSelectorTerms list are allowed");
  std::size_t index = 0;
  terms.each([&](const Spot& term) {
    if (!is_narrower(term.value(), were->array()[index++]))
      term.invalid("only additions are allowed (no mutations or deletions)");
  });
}

void annotations_are_kept(const Spot& annotations, const Tree* before) {
  static const Tree kNothing;
  const Tree& were = before == nullptr ? kNothing : *before;
  app_armor_is_kept(annotations, were);
  const Spot mirror = annotations.key(kMirrorOf);
  const Tree* was = were.find(kMirrorOf);
  if (was != nullptr && !is_same(&mirror.value(), was))
    mirror.forbidden("may not remove or update mirror pod annotation");
  if (was == nullptr && mirror.is_set()) mirror.forbidden("may not add mirror pod annotation");
}

void update_pod(const Spot& object, const Tree& stored) {
  const Tree* before = stored.find("spec");
  if (before == nullptr) return;
  const Spot spec = object["spec"];
  annotations_are_kept(object["metadata"]["annotations"], stored.find("metadata", "annotations"));
  for (const char* list : {"containers", "initContainers"}) {
    const Tree* were = before->find(list);
    if (spec[list].size() == (were == nullptr ? 0 : were->array().size())) continue;
    return spec[list].forbidden("pod updates may not add or remove containers");
  }
  deadline(spec["activeDeadlineSeconds"], *before);
  tolerations(spec["tolerations"], *before);
  scheduling_gates(spec["schedulingGates"], *before);
  node_labels(spec["nodeSelector"], *before);
  node_affinity(spec["affinity"], *before);
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

void update_part(std::string_view subresource, const Spot& object, const Tree& before) {
  if (subresource == "ephemeralcontainers")
    update_ephemeral_containers(object["spec"]["ephemeralContainers"], before);
  if (subresource == "resize") resize_pod(object, before);
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
