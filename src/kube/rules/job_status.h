// SPDX-License-Identifier: Apache-2.0
//
// How far a job has come: what controllers, ours or others, may say of it (batch/v1 JobStatus).
#pragma once

#include "kube/rules/spot.h"

namespace gantry::kube::rules {

// What was not changed may be as older rules allowed it.
void update_job_status(const Spot& job, const json::Tree& before);

}  // namespace gantry::kube::rules
