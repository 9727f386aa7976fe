// SPDX-License-Identifier: Apache-2.0
//
// The FlowSchemas and PriorityLevelConfigurations that every cluster has
// (https://kubernetes.io/docs/concepts/cluster-administration/flow-control/#defaults).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_tree.h"
#include "kube/api/object_source.h"
#include "kube/api/stock_object.h"

namespace gantry::kube {

// Levels first.
std::vector<StockObject> stock_flows();

// The spec of those that cannot be otherwise, with its defaults: FlowSchemas and PriorityLevelConfigurations
// "exempt" and "catch-all". Nothing: it is none of them.
std::optional<json::Tree> fixed_flow_spec(std::string_view kind, std::string_view name);

// What is to be created, or (where `object` has a resourceVersion) updated: those that are missing, and those
// whose spec is another although their annotation apf.kubernetes.io/autoupdate-spec is "true".
std::vector<StockObject> missing_stock_flows(const ObjectSource& objects);

}  // namespace gantry::kube
