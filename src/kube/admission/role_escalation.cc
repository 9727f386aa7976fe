// SPDX-License-Identifier: Apache-2.0
#include "kube/access/escalation.h"
#include "kube/admission/plugins.h"

namespace gantry::kube::admission {
namespace {

constexpr const char* kGroup = "rbac.authorization.k8s.io";

// Kubernetes does this where roles are stored; here it stands with everybody else who may say no.
class RoleEscalation final : public Plugin {
 public:
  RoleEscalation(const Rbac& rbac, const Authorizer& authorizer) : rbac_(rbac), authorizer_(authorizer) {}

  std::string_view name() const override { return "RoleEscalation"; }

  Answer<void> validate(AdmissionRequest& request) const override {
    const bool is_write = request.operation == Operation::Create || request.operation == Operation::Update;
    if (!is_write || request.object == nullptr || request.resource.kind.group != kGroup) return {};
    const bool is_role = request.is_about(kGroup, "roles") || request.is_about(kGroup, "clusterroles");
    const AccessRequest access = {.user = request.user,
                                  .verb = request.operation == Operation::Create ? "create" : "update",
                                  .group = kGroup,
                                  .version = request.resource.kind.version,
                                  .resource = request.resource.plural,
                                  .name_space = request.name_space,
                                  .name = request.name};
    return is_role ? check_role_write(rbac_, authorizer_, access, request.old_object, *request.object)
                   : check_binding_write(rbac_, authorizer_, access, request.old_object, *request.object);
  }

 private:
  const Rbac& rbac_;
  const Authorizer& authorizer_;
};

}  // namespace

std::unique_ptr<Plugin> role_escalation(const Rbac& rbac, const Authorizer& authorizer) {
  return std::make_unique<RoleEscalation>(rbac, authorizer);
}

}  // namespace gantry::kube::admission
