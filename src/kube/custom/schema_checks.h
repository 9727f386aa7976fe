// SPDX-License-Identifier: Apache-2.0
//
// What the schema of a CustomResourceDefinition may say: it has to be structural
// (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/
// #specifying-a-structural-schema), so that every field of an object has one type, whatever else is asked of
// it.
#pragma once

#include "kube/rules/spot.h"

namespace gantry::kube::custom {

// What is wrong with an openAPIV3Schema. Its rules' texts are for kube/cel.
void check_schema(const rules::Spot& schema);

// Whether the defaults in a schema that is all right otherwise fit what is said of their places.
void check_defaults(const rules::Spot& schema);

}  // namespace gantry::kube::custom
