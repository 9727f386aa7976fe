// SPDX-License-Identifier: Apache-2.0
//
// Nobody gives away more than he has: who writes a role must hold everything in it, and who binds one
// everything in the role, unless he may "escalate" the role or "bind" it
// (https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping).
#pragma once

#include "base/json_tree.h"
#include "kube/access/authorizer.h"
#include "kube/access/rbac.h"
#include "kube/api/status.h"

namespace gantry::kube {

// `request`: the create or update that brings `role`, a Role or ClusterRole. `old`: what was there; null:
// nothing. 403 with what is missing.
Answer<void> check_role_write(const Rbac& rbac, const Authorizer& authorizer, const AccessRequest& request,
                              const json::Tree* old, const json::Tree& role);
// The same for a RoleBinding or ClusterRoleBinding.
Answer<void> check_binding_write(const Rbac& rbac, const Authorizer& authorizer, const AccessRequest& request,
                                 const json::Tree* old, const json::Tree& binding);

}  // namespace gantry::kube
