// SPDX-License-Identifier: Apache-2.0
//
// PersistentVolume, PersistentVolumeClaim, StorageClass.
#include <algorithm>

#include <fmt/format.h>

#include "kube/api/quantity.h"
#include "kube/rules/checks.h"
#include "kube/rules/kind_rules.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::string_view kAccessModes[] = {"ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce",
                                             "ReadWriteOncePod"};
constexpr std::string_view kReclaimPolicies[] = {"Delete", "Recycle", "Retain"};
constexpr std::string_view kVolumeModes[] = {"Block", "Filesystem"};
constexpr std::string_view kBindingModes[] = {"Immediate", "WaitForFirstConsumer"};
constexpr std::string_view kNoSources[] = {"accessModes",      "capacity",
                                           "claimRef",         "mountOptions",
                                           "nodeAffinity",     "persistentVolumeReclaimPolicy",
                                           "storageClassName", "volumeAttributesClassName",
                                           "volumeMode"};

void access_modes(const Spot& modes) {
  if (modes.size() == 0) modes.required();
  bool is_exclusive = false;
  modes.each([&](const Spot& mode) {
    one_of_if_set(mode, kAccessModes);
    is_exclusive |= mode.text() == "ReadWriteOncePod";
  });
  if (is_exclusive && modes.size() > 1)
    modes.forbidden("may not use ReadWriteOncePod with other access modes");
}

void storage_size(const Spot& list, const Spot& size) {
  if (!size.is_set()) return list.is_set() && list.size() > 0 ? size.required() : list.required();
  const auto amount = Quantity::from_tree(size.value());
  if (!amount || amount->sign() <= 0) size.invalid("must be greater than zero");
}

void check_volume(const Spot& object) {
  const Spot spec = object["spec"];
  access_modes(spec["accessModes"]);
  storage_size(spec["capacity"], spec["capacity"].key("storage"));
  one_of_if_set(spec["persistentVolumeReclaimPolicy"], kReclaimPolicies);
  one_of_if_set(spec["volumeMode"], kVolumeModes);
  named_if_set(spec["storageClassName"], dns_subdomain_faults);
  std::size_t sources = 0;
  spec.each_member([&](std::string_view field, const Spot&) {
    if (std::ranges::find(kNoSources, field) != std::end(kNoSources)) return;
    if (++sources > 1) spec[field].forbidden("may not specify more than 1 volume type");
  });
  if (sources == 0) spec.required("must specify a volume type");
  if (spec["hostPath"].is_set()) required(spec["hostPath"]["path"]);
  if (spec["local"].is_set()) {
    required(spec["local"]["path"]);
    if (!spec["nodeAffinity"].is_set()) spec["nodeAffinity"].required("Local volume requires node affinity");
  }
}

void update_volume(const Spot& object, const Tree& before) {
  const Tree* spec = before.find("spec");
  if (spec == nullptr) return;
  // The source is what belongs to nothing else.
  for (const auto& [field, value] : spec->object())
    if (std::ranges::find(kNoSources, field) == std::end(kNoSources) &&
        !is_same(object["spec"].value().find(field), &value))
      object["spec"]["persistentvolumesource"].forbidden(
          "spec.persistentvolumesource is immutable after creation");
  immutable(object["spec"]["volumeMode"], spec->find("volumeMode"));
  immutable_once_set(object["spec"]["nodeAffinity"], spec->find("nodeAffinity"));
}

void prepare_volume(Tree& object, const Tree* before) {
  if (before == nullptr) object.object()["status"].object()["phase"] = "Pending";
}

void check_claim(const Spot& object) {
  const Spot spec = object["spec"];
  label_selector(spec["selector"]);
  access_modes(spec["accessModes"]);
  const Spot requests = spec["resources"]["requests"];
  storage_size(requests, requests.key("storage"));
  named_if_set(spec["storageClassName"], dns_subdomain_faults);
  one_of_if_set(spec["volumeMode"], kVolumeModes);
}

// A claim is what it was, but for the volume that it gets and more room.
void update_claim(const Spot& object, const Tree& before) {
  const Tree* was = before.find("spec");
  if (was == nullptr) return;
  Tree same = object["spec"].value();
  const Tree* size = was->find("resources", "requests", "storage");
  if (size != nullptr && before.text_at("status", "phase") == "Bound") {
    const auto old_size = Quantity::from_tree(*size);
    const Spot wanted = object["spec"]["resources"]["requests"].key("storage");
    const auto new_size = Quantity::from_tree(wanted.value());
    if (old_size && new_size && *new_size < *old_size)
      wanted.forbidden("field can not be less than status.capacity");
    same.object()["resources"] = *was->find("resources");
  }
  for (const char* field : {"volumeName", "storageClassName", "volumeAttributesClassName"})
    if (was->text_at(field).empty() && same.find(field) != nullptr) same.object().erase(field);
  Tree kept = *was;
  for (const char* field : {"volumeName", "storageClassName", "volumeAttributesClassName"})
    if (kept.text_at(field).empty()) kept.object().erase(field);
  if (!(same == kept))
    object["spec"].forbidden(
        "spec is immutable after creation except resources.requests and volumeAttributesClassName "
        "for bound claims");
}

void check_storage_class(const Spot& object) {
  required(object["provisioner"]);
  one_of_if_set(object["reclaimPolicy"], kReclaimPolicies);
  if (!object["volumeBindingMode"].is_set())
    object["volumeBindingMode"].required();
  else
    one_of_if_set(object["volumeBindingMode"], kBindingModes);
  object["parameters"].each_member([&](std::string_view key, const Spot&) {
    if (key.empty()) object["parameters"].invalid(json::Tree(""), "field can not be empty.");
  });
}

void update_storage_class(const Spot& object, const Tree& before) {
  if (!is_same(&object["parameters"].value(), before.find("parameters")))
    object["parameters"].forbidden("updates to parameters are forbidden.");
  if (!is_same(&object["provisioner"].value(), before.find("provisioner")))
    object["provisioner"].forbidden("updates to provisioner are forbidden.");
  if (!is_same(&object["reclaimPolicy"].value(), before.find("reclaimPolicy")))
    object["reclaimPolicy"].forbidden("updates to reclaimPolicy are forbidden.");
  immutable(object["volumeBindingMode"], before.find("volumeBindingMode"));
}

constexpr KindRules kRules[] = {
    {.group = "",
     .kind = "PersistentVolume",
     .prepare = prepare_volume,
     .check = check_volume,
     .check_update = update_volume},
    {.group = "",
     .kind = "PersistentVolumeClaim",
     .prepare = prepare_volume,
     .check = check_claim,
     .check_update = update_claim},
    {.group = "storage.k8s.io",
     .kind = "StorageClass",
     .check = check_storage_class,
     .check_update = update_storage_class},
};

}  // namespace

std::span<const KindRules> persistent_volume_rules() { return kRules; }

}  // namespace gantry::kube::rules
