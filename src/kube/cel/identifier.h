// SPDX-License-Identifier: Apache-2.0
//
// Names of the language (langdef.md, "Syntax"): IDENT without RESERVED.
#pragma once

#include <string_view>

namespace gantry::kube::cel {

bool is_reserved(std::string_view name);
bool is_identifier(std::string_view name);

}  // namespace gantry::kube::cel
