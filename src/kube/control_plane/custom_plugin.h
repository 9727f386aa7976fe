// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "kube/admission/admission.h"
#include "kube/api/object_source.h"
#include "kube/control_plane/custom_kinds.h"

namespace gantry::kube {

inline constexpr const char* kDefinitions = "apiextensions.k8s.io/customresourcedefinitions";
// Holds a definition until its objects are gone.
inline constexpr const char* kCustomFinalizer = "customresourcecleanup.apiextensions.k8s.io";

// Checks definitions, and custom objects by their schema and rules. Both outlive it.
std::unique_ptr<admission::Plugin> custom_plugin(const CustomKinds& kinds, const ObjectSource& objects);

}  // namespace gantry::kube
