// SPDX-License-Identifier: Apache-2.0
//
// The stock roles and bindings as text; stock_roles.cc reads it.
//
//   clusterrole NAME [part-of ROLE] [aggregates ROLE]   with rules in the lines below it
//   role NAMESPACE NAME
//   controller NAME           ClusterRole system:controller:NAME, bound to the account kube-system/NAME
//     VERBS GROUPS RESOURCES [NAMES]                    lists with commas; "core" is the group without a
//     name,
//                                                       "read" get, list and watch, "write" what changes
//                                                       objects
//     VERBS path PATHS
//   clusterbinding NAME CLUSTERROLE SUBJECT...          subjects: user=, group=, account=NAMESPACE/NAME
//   binding NAMESPACE NAME ROLE SUBJECT...
#pragma once

#include <string_view>

namespace gantry::kube {

extern const std::string_view kStockRoleText;

}  // namespace gantry::kube
