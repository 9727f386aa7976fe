// SPDX-License-Identifier: Apache-2.0
//
// What a job makes of pods that fail or succeed (batch/v1 PodFailurePolicy, SuccessPolicy,
// podReplacementPolicy).
#pragma once

#include "kube/rules/spot.h"

namespace gantry::kube::rules {

// `spec`: a JobSpec.
void job_policies(const Spot& spec);

}  // namespace gantry::kube::rules
