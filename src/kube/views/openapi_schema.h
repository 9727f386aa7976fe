// SPDX-License-Identifier: Apache-2.0
//
// Types as OpenAPI describes them: the definitions of OpenAPI 2 and the components' schemas of OpenAPI 3,
// with Kubernetes' extensions
// (https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy).
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "kube/schema/resource.h"

namespace gantry::kube::views {

enum class Dialect : std::uint8_t { V2, V3 };

// All definitions that some resources need, by name.
class Definitions {
 public:
  explicit Definitions(std::span<const Resource* const> resources);

  // One member for each, into an object that was begun.
  void write(json::Writer& writer, Dialect dialect) const;

  // Of what a resource or a subresource sends; empty: text, not an object.
  static std::string name_of(const Type* type);
  static std::string name_of_list(const Resource& resource);
  // {"$ref": "#/definitions/NAME"}.
  static void write_reference(json::Writer& writer, Dialect dialect, std::string_view name);

 private:
  struct Definition {
    const Type* type = nullptr;  // of a list: null
    std::string item;            // of a list: the definition of what is in it
    std::vector<GroupVersionKind> kinds;
  };
  void add(const std::string& name, const Type* type, const GroupVersionKind& kind);
  void add_list(const Resource& resource);
  void add_all_in(const Type& type);
  void add_reachable(const Type& type);

  std::map<std::string, Definition> definitions_;
};

inline constexpr const char* kStatusDefinition = "io.k8s.apimachinery.pkg.apis.meta.v1.Status";
inline constexpr const char* kDeleteOptionsDefinition = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions";

}  // namespace gantry::kube::views
