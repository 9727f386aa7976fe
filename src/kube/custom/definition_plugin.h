// SPDX-License-Identifier: Apache-2.0
//
// CustomResourceDefinitions on their way into the store: what is wrong with their versions is refused, and
// their status is settled in the same write, so that a definition is established when its create is answered.
#pragma once

#include <memory>

#include "kube/admission/admission.h"
#include "kube/api/object_source.h"

namespace gantry::kube::custom {

// `objects` lives longer.
std::unique_ptr<admission::Plugin> definition_plugin(const ObjectSource& objects);

}  // namespace gantry::kube::custom
