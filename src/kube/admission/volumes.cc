// SPDX-License-Identifier: Apache-2.0
//
// DefaultStorageClass, StorageObjectInUseProtection and PersistentVolumeClaimResize.
#include <algorithm>

#include "kube/admission/default_class.h"
#include "kube/admission/plugins.h"
#include "kube/admission/pod_parts.h"
#include "kube/api/resource_amounts.h"

namespace gantry::kube::admission {
namespace {

using json::Tree;

constexpr const char* kStorageClasses = "storage.k8s.io/storageclasses";
// What came before the field storageClassName, and still counts.
constexpr const char* kClassAnnotation = "volume.beta.kubernetes.io/storage-class";

class DefaultStorageClass final : public Plugin {
 public:
  explicit DefaultStorageClass(ObjectSource& objects) : classes_(objects, kStorageClasses) {}
  std::string_view name() const override { return "DefaultStorageClass"; }

  Answer<void> mutate(AdmissionRequest& request) const override {
    if (!request.creates("", "persistentvolumeclaims")) return {};
    // An empty name is a name: of no class.
    const Tree& claim = *request.object;
    if (claim.find("spec", "storageClassName") || claim.find("metadata", "annotations", kClassAnnotation))
      return {};
    const auto found = default_of(classes_, {"storageclass.kubernetes.io/is-default-class",
                                             "storageclass.beta.kubernetes.io/is-default-class"});
    if (found != nullptr)
      request.object->object()["spec"].object()["storageClassName"] = found->text_at("metadata", "name");
    return {};
  }

 private:
  const FollowedObjects classes_;
};

class StorageObjectInUseProtection final : public Plugin {
 public:
  std::string_view name() const override { return "StorageObjectInUseProtection"; }

  Answer<void> mutate(AdmissionRequest& request) const override {
    if (request.creates("", "persistentvolumes")) protect(*request.object, "kubernetes.io/pv-protection");
    if (request.creates("", "persistentvolumeclaims"))
      protect(*request.object, "kubernetes.io/pvc-protection");
    if (request.creates("storage.k8s.io", "volumeattributesclasses"))
      protect(*request.object, "kubernetes.io/vac-protection");
    return {};
  }

 private:
  static void protect(Tree& object, std::string_view finalizer) {
    json::TreeArray& finalizers = object.object()["metadata"].object()["finalizers"].array();
    const bool is_there =
        std::ranges::any_of(finalizers, [&](const Tree& text) { return text.as_string() == finalizer; });
    if (!is_there) finalizers.emplace_back(finalizer);
  }
};

class PersistentVolumeClaimResize final : public Plugin {
 public:
  explicit PersistentVolumeClaimResize(ObjectSource& objects) : objects_(objects) {}
  std::string_view name() const override { return "PersistentVolumeClaimResize"; }

  Answer<void> validate(AdmissionRequest& request) const override {
    if (!request.updates("", "persistentvolumeclaims")) return {};
    if (storage_of(*request.object) <= storage_of(*request.old_object)) return {};
    if (request.old_object->text_at("status", "phase") != "Bound")
      return request.forbidden("Only bound persistent volume claims can be expanded");
    if (!may_grow(*request.object))
      return request.forbidden(
          "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must "
          "support "
          "resize");
    return {};
  }

 private:
  static Quantity storage_of(const Tree& claim) {
    return amounts_at(claim, "spec", "resources", "requests")["storage"];
  }

  bool may_grow(const Tree& claim) const {
    std::string_view name = claim.text_at("metadata", "annotations", kClassAnnotation);
    if (name.empty()) name = claim.text_at("spec", "storageClassName");
    if (name.empty()) return false;
    const auto found = objects_.get(kStorageClasses, "", name);
    return found && is_true(found->find("allowVolumeExpansion"));
  }

  ObjectSource& objects_;
};

}  // namespace

std::unique_ptr<Plugin> default_storage_class(ObjectSource& objects) {
  return std::make_unique<DefaultStorageClass>(objects);
}
std::unique_ptr<Plugin> storage_object_in_use_protection() {
  return std::make_unique<StorageObjectInUseProtection>();
}
std::unique_ptr<Plugin> persistent_volume_claim_resize(ObjectSource& objects) {
  return std::make_unique<PersistentVolumeClaimResize>(objects);
}

}  // namespace gantry::kube::admission
