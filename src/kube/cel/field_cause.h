// SPDX-License-Identifier: Apache-2.0
//
// Causes about a field, as Kubernetes words them.
#pragma once

#include <string>
#include <string_view>

#include "base/json_tree.h"
#include "kube/api/status.h"

namespace gantry::kube::cel {

Cause invalid_field(std::string path, const json::Tree& value, std::string_view detail);
Cause invalid_field(std::string path, std::string_view detail);  // without the value
Cause forbidden_field(std::string path, std::string_view detail);
Cause required_field(std::string path, std::string_view detail);
Cause duplicate_field(std::string path, const json::Tree* value);  // null: without the value
Cause unsupported_field(std::string path, std::string_view value, std::string_view supported);

}  // namespace gantry::kube::cel
