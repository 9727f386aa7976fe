// SPDX-License-Identifier: Apache-2.0
//
// What nodes say of pods (core/v1 PodStatus).
#pragma once

#include "kube/rules/spot.h"

namespace gantry::kube::rules {

void update_pod_status(const Spot& pod, const json::Tree& before);

}  // namespace gantry::kube::rules
