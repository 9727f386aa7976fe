// SPDX-License-Identifier: Apache-2.0
//
// Namespaces: each is held by the one who empties it, until it says so by the subresource finalize.
#include <algorithm>

#include "kube/api/names.h"
#include "kube/rules/kind_rules.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::string_view kEmptied = "kubernetes";

void prepare_namespace(Tree& object, const Tree* before) {
  if (before != nullptr) {
    // Only finalize changes them.
    const Tree* finalizers = before->find("spec", "finalizers");
    if (finalizers != nullptr)
      object.object()["spec"].object()["finalizers"] = *finalizers;
    else
      object.object()["spec"].object().erase("finalizers");
    return;
  }
  object.object()["status"].object()["phase"] = "Active";
  json::TreeArray& finalizers = object.object()["spec"].object()["finalizers"].array();
  for (const Tree& finalizer : finalizers)
    if (finalizer.as_string() == kEmptied) return;
  finalizers.emplace_back(kEmptied);
}

// A plain name is one of Kubernetes' own.
void finalizer(const Spot& place, const Tree& finalizer) {
  constexpr std::string_view kStandard[] = {kEmptied, "orphan", "foregroundDeletion"};
  const std::string_view name = finalizer.as_string();
  for (const std::string& fault : label_key_faults(name)) place.invalid(finalizer, fault);
  if (name.find('/') == std::string_view::npos && std::ranges::find(kStandard, name) == std::end(kStandard))
    place.invalid(finalizer, "name is neither a standard finalizer name nor is it fully qualified");
}

void create_namespace(const Spot& object) {
  const Spot finalizers = object["spec"]["finalizers"];
  for (const Tree& one : finalizers.value().array()) finalizer(finalizers, one);
}

void update_part(std::string_view subresource, const Spot& object, const Tree& /*before*/) {
  if (subresource == "finalize")
    object["spec"]["finalizers"].each([](const Spot& one) { finalizer(one, one.value()); });
}

void update_status(const Spot& object, const Tree& /*before*/) {
  const Spot phase = object["status"]["phase"];
  const bool is_ending = object["metadata"]["deletionTimestamp"].is_set();
  if (phase.text() == (is_ending ? "Terminating" : "Active")) return;
  // Kubernetes writes the field so.
  object["status"]["Phase"].invalid(
      Tree(phase.text()), is_ending ? "may only be 'Terminating' if `deletionTimestamp` is not empty"
                                    : "may only be 'Active' if `deletionTimestamp` is empty");
}

constexpr KindRules kRules[] = {
    {.group = "",
     .kind = "Namespace",
     .name_faults = dns_label_faults,
     .prepare = prepare_namespace,
     .check_create = create_namespace,
     .check_part = update_part,
     .check_status = update_status},
};

}  // namespace

std::span<const KindRules> namespace_rules() { return kRules; }

}  // namespace gantry::kube::rules
