// SPDX-License-Identifier: Apache-2.0
//
// The roles and bindings that every cluster has
// (https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings), and what
// has to be written so that they are there: at the start those that are missing are made, and those that lack
// rules or subjects get them, unless their annotation rbac.authorization.kubernetes.io/autoupdate is "false".
// What an administrator added stays.
#pragma once

#include <string>
#include <vector>

#include "base/json_tree.h"
#include "kube/api/object_source.h"
#include "kube/api/stock_object.h"

namespace gantry::kube {

// All of them, cluster-wide ones first.
std::vector<StockObject> stock_roles();

// What is to be created or (where `object` has a resourceVersion) updated, in this order. A binding whose
// role reference differs is not among them: it cannot be changed, and somebody wanted it so.
std::vector<StockObject> missing_stock_roles(const ObjectSource& objects);

// ClusterRoles with an aggregationRule, with the rules that they should have where these differ.
std::vector<StockObject> stale_aggregated_roles(const ObjectSource& objects);

}  // namespace gantry::kube
