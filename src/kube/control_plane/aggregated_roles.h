// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/api/object_source.h"
#include "kube/server/verbs.h"

namespace gantry::kube {

// ClusterRoles that are made of others show the rules of these. One step of a Reconciler over clusterroles;
// what they allow does not wait for it (kube/access/rbac.h).
bool show_aggregated_rules(const Verbs& verbs, const ObjectSource& objects);

}  // namespace gantry::kube
