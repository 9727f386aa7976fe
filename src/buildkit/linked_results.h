// SPDX-License-Identifier: Apache-2.0
//
// Results of builds as graphs of operations: what a client is told of a build that it drives, and hands in
// again as an input of another one (a target of bake that stands on a target: contexts = {base =
// "target:base"}). The graph is one operation that names our build; any other is refused, for only
// Dockerfiles are built here.
#pragma once

#include <string>

#include "base/error.h"

namespace gantry::buildkit {

namespace pb {
class Definition;
}

void describe_result(const std::string& build, pb::Definition& definition);
// The build that a definition is the result of. Unsupported for graphs of others.
Result<std::string> result_of(const pb::Definition& definition);

}  // namespace gantry::buildkit
