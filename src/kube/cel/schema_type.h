// SPDX-License-Identifier: Apache-2.0
//
// What the values of a custom resource's schema are to expressions, with the sizes that its limits allow
// (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/
// #validation-rules). Names of properties that are no identifiers are escaped: "my-field" is my__dash__field.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/json_tree.h"
#include "kube/cel/type.h"

namespace gantry::kube::cel {

// Of a request, by which lists and texts without a limit are bounded.
inline constexpr std::uint64_t kRequestBytes = 3 * 1024 * 1024;

// Of a structural openAPIV3Schema. `is_resource`: at the root, or an embedded resource; then apiVersion,
// kind, metadata.name and metadata.generateName are there whatever the schema says. Null where rules can see
// nothing: the schema says no type. `name` is what messages call an object of it.
const Type* type_of_schema(const json::Tree& schema, bool is_resource, const std::string& name,
                           TypeArena& types);

bool is_embedded_resource(const json::Tree& schema);

// The identifier for a property; nothing if it cannot have one.
std::optional<std::string> escape_property(std::string_view name);

}  // namespace gantry::kube::cel
