// SPDX-License-Identifier: Apache-2.0
#include "kube/control_plane/aggregated_roles.h"

#include "kube/access/stock_roles.h"
#include "kube/control_plane/own_writes.h"
#include "kube/schema/catalog.h"

namespace gantry::kube {

bool show_aggregated_rules(const Verbs& verbs, const ObjectSource& objects) {
  const Resource& roles = *Catalog::built_in().find_kind("rbac.authorization.k8s.io", "v1", "ClusterRole");
  bool is_to_look_again = false;
  for (const StockObject& stale : stale_aggregated_roles(objects))
    is_to_look_again |= !update_own(verbs, roles, stale.object);
  return is_to_look_again;
}

}  // namespace gantry::kube
