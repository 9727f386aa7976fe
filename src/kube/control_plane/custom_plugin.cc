// SPDX-License-Identifier: Apache-2.0
//
// What stands between custom objects, or their definitions, and the store.
#include <array>
#include <utility>

#include "kube/control_plane/custom_plugin.h"
#include "kube/rules/rules.h"

namespace gantry::kube {
namespace {

bool is_definition(const admission::AdmissionRequest& request) {
  return request.is_about("apiextensions.k8s.io", "customresourcedefinitions");
}

class CustomPlugin final : public admission::Plugin {
 public:
  CustomPlugin(const CustomKinds& kinds, const ObjectSource& objects) : kinds_(kinds), objects_(objects) {}

  std::string_view name() const override { return "CustomResources"; }

  // Objects go before their definition does.
  Answer<void> mutate(admission::AdmissionRequest& request) const override {
    if (!is_definition(request) || request.operation != admission::Operation::Create) return {};
    json::TreeArray& finalizers = request.object->object()["metadata"].object()["finalizers"].array();
    for (const json::Tree& finalizer : finalizers)
      if (finalizer.as_string() == kCustomFinalizer) return {};
    finalizers.emplace_back(kCustomFinalizer);
    return {};
  }

  Answer<void> validate(admission::AdmissionRequest& request) const override {
    if (request.object == nullptr) return {};
    if (is_definition(request)) return check(request, check_definition(*request.object));
    const std::shared_ptr<const CustomKind> kind = kinds_.find(request.resource);
    if (kind == nullptr) return {};
    if (request.operation == admission::Operation::Create) TRY(check_is_to_stay(request));
    std::vector<Cause> causes = kind->version.validator->validate(*request.object, request.old_object);
    if (!causes.empty()) return check(request, std::move(causes));
    cel::CrdRules::Findings found = kind->rules.check(*request.object, request.old_object);
    request.warnings.insert(request.warnings.end(), found.warnings.begin(), found.warnings.end());
    return check(request, std::move(found.causes));
  }

 private:
  static Answer<void> check(const admission::AdmissionRequest& request, std::vector<Cause> causes) {
    if (causes.empty()) return {};
    const GroupVersionKind& kind = request.resource.kind;
    return invalid(kind.group, kind.kind, request.name, std::move(causes));
  }

  Answer<void> check_is_to_stay(const admission::AdmissionRequest& request) const {
    const auto definition = objects_.get(kDefinitions, "", request.resource.id().text());
    if (!definition || definition->find("metadata", "deletionTimestamp") == nullptr) return {};
    return Status({.code = 405,
                   .reason = "MethodNotAllowed",
                   .message = "create not allowed while custom resource definition is terminating"});
  }

  const CustomKinds& kinds_;
  const ObjectSource& objects_;
};

}  // namespace

std::unique_ptr<admission::Plugin> custom_plugin(const CustomKinds& kinds, const ObjectSource& objects) {
  return std::make_unique<CustomPlugin>(kinds, objects);
}

}  // namespace gantry::kube
