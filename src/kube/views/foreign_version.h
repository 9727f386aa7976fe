// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace gantry::kube::views {

// A version of a group that somebody else serves (an APIService): what its resources are is his to say.
struct ForeignVersion {
  std::string group;
  std::string version;
  // The resources of his APIVersionDiscovery (apidiscovery.k8s.io/v2), a JSON array; empty: he does not say.
  std::string resources;
  // Of his OpenAPI 3 document about it; empty: he has none.
  std::string openapi_hash;

  friend bool operator==(const ForeignVersion&, const ForeignVersion&) = default;
};

}  // namespace gantry::kube::views
