// SPDX-License-Identifier: Apache-2.0
//
// What a CustomResourceDefinition asks of a value beside its form, in OpenAPI's words.
#pragma once

#include "base/json.h"
#include "kube/schema/constraints.h"

namespace gantry::kube::views {

// Members of a schema that was begun: type, format, borders, patterns, and the rules in CEL.
void write_constraints(json::Writer& writer, const Constraints& constraints);

// allOf, anyOf, oneOf and not: OpenAPI 3 alone has them all.
void write_combinations(json::Writer& writer, const Constraints& constraints);

}  // namespace gantry::kube::views
