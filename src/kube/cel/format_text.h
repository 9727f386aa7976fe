// SPDX-License-Identifier: Apache-2.0
//
// "%s has %d of %.2f".format([...]): the clauses of the language's extension for strings.
#pragma once

#include <string_view>

#include "kube/cel/value.h"

namespace gantry::kube::cel {

// An error for clauses that are none, that their argument does not fit, or that have no argument.
Value format_text(std::string_view format, const Value& arguments, Memory& memory);

}  // namespace gantry::kube::cel
