// SPDX-License-Identifier: Apache-2.0
//
// What a pod that runs can be given more or less of
// (https://kubernetes.io/docs/tasks/configure-pod-container/resize-container-resources/).
#pragma once

#include "kube/rules/spot.h"

namespace gantry::kube::rules {

// `before`: the pod as it is stored.
void resize_pod(const Spot& object, const json::Tree& before);

}  // namespace gantry::kube::rules
