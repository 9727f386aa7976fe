// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/json_tree.h"

namespace gantry::kube {

// An object that every cluster has.
struct StockObject {
  std::string stored_as;
  json::Tree object;  // with apiVersion, kind and metadata
};

}  // namespace gantry::kube
