// SPDX-License-Identifier: Apache-2.0
//
// Defaults that a constant cannot say: those that depend on the object's other fields, or only hold for some
// of them. Each works on an object of its type whose own constants are filled in already, and whose
// parts are not (https://kubernetes.io/docs/reference/kubernetes-api/: "defaults to").
#pragma once

#include <string_view>

#include "kube/schema/type.h"

namespace gantry::kube {

// By the name that schema files give it: rule(container). Null if there is none.
DefaultRule find_default_rule(std::string_view name);

}  // namespace gantry::kube
