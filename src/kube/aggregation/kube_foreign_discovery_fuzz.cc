// SPDX-License-Identifier: Apache-2.0
//
// What another API server says that it serves.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/json_tree.h"
#include "kube/aggregation/foreign_discovery.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  // It stands in a document of ours, so it has to be JSON.
  if (const auto resources = gantry::kube::resources_of(text, "example.com", "v1"))
    if (!gantry::json::Tree::parse(*resources)) std::abort();
  (void)gantry::kube::openapi_hash(text, "example.com", "v1");
  return 0;
}
