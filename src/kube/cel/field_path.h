// SPDX-License-Identifier: Apache-2.0
//
// The fieldPath of a rule: ".spec.replicas", "['my key'].x", names only.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json_tree.h"

namespace gantry::kube::cel {

// As causes write it ("spec.replicas", "labels[my key]"); nothing if the schema has no such field.
std::optional<std::string> field_of_path(std::string_view path, const json::Tree& schema);

}  // namespace gantry::kube::cel
