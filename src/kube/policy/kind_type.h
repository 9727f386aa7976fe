// SPDX-License-Identifier: Apache-2.0
//
// What objects of a kind are to expressions whose types are checked: what its schema says.
#pragma once

#include <string>

#include "kube/cel/type.h"
#include "kube/schema/type.h"

namespace gantry::kube::admission {

// `name`: what messages call it. What may be anything, and what stands inside of itself, is dyn; quantities
// are too, since they are numbers or texts. Types live in `types`.
const cel::Type* cel_type_of(const Type& type, const std::string& name, cel::TypeArena& types);

}  // namespace gantry::kube::admission
