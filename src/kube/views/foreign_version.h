// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
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
  // His OpenAPI 2 document, about all that he has; null: he has none. The same text is the same pointer.
  std::shared_ptr<const std::string> openapi_v2;

  friend bool operator==(const ForeignVersion&, const ForeignVersion&) = default;
};

}  // namespace gantry::kube::views
