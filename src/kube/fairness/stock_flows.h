// SPDX-License-Identifier: Apache-2.0
//
// The FlowSchemas and PriorityLevelConfigurations that every cluster has
// (https://kubernetes.io/docs/concepts/cluster-administration/flow-control/#defaults).
#pragma once

#include <string>
#include <vector>

#include "base/json_tree.h"
#include "kube/api/object_source.h"

namespace gantry::kube {

struct StockFlowObject {
  std::string stored_as;
  json::Tree object;  // with apiVersion, kind and metadata
};

// Levels first.
std::vector<StockFlowObject> stock_flows();

// What is to be created, or (where `object` has a resourceVersion) updated: those that are missing, and those
// whose spec is another although their annotation apf.kubernetes.io/autoupdate-spec is "true".
std::vector<StockFlowObject> missing_stock_flows(const ObjectSource& objects);

}  // namespace gantry::kube
