// SPDX-License-Identifier: Apache-2.0
#include "kube/admission/default_class.h"
#include "kube/admission/plugins.h"

namespace gantry::kube::admission {
namespace {

class DefaultIngressClass final : public Plugin {
 public:
  explicit DefaultIngressClass(ObjectSource& objects)
      : classes_(objects, "networking.k8s.io/ingressclasses") {}
  std::string_view name() const override { return "DefaultIngressClass"; }

  Answer<void> mutate(AdmissionRequest& request) const override {
    if (!request.creates("networking.k8s.io", "ingresses")) return {};
    const json::Tree& ingress = *request.object;
    // The annotation is how it was said before there was a field.
    if (ingress.find("spec", "ingressClassName") ||
        ingress.find("metadata", "annotations", "kubernetes.io/ingress.class"))
      return {};
    if (const auto found = default_of(classes_, {"ingressclass.kubernetes.io/is-default-class"}))
      request.object->object()["spec"].object()["ingressClassName"] = found->text_at("metadata", "name");
    return {};
  }

 private:
  const FollowedObjects classes_;
};

}  // namespace

std::unique_ptr<Plugin> default_ingress_class(ObjectSource& objects) {
  return std::make_unique<DefaultIngressClass>(objects);
}

}  // namespace gantry::kube::admission
