// SPDX-License-Identifier: Apache-2.0
//
// How sure a pod can be of what it asks for (https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/).
#pragma once

#include "base/json_tree.h"

namespace gantry::kube::rules {

// "Guaranteed", "Burstable" or "BestEffort", from the pod's spec.
const char* quality_of_service(const json::Tree& spec);

}  // namespace gantry::kube::rules
