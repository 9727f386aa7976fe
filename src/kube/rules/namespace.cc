// SPDX-License-Identifier: Apache-2.0
//
// Namespaces: each is held by the one who empties it, until it says so by the subresource finalize.
#include "kube/api/names.h"
#include "kube/rules/kind_rules.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr const char* kEmptied = "kubernetes";

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

constexpr KindRules kRules[] = {
    {.group = "", .kind = "Namespace", .name_faults = dns_label_faults, .prepare = prepare_namespace},
};

}  // namespace

std::span<const KindRules> namespace_rules() { return kRules; }

}  // namespace gantry::kube::rules
