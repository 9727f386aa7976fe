// SPDX-License-Identifier: Apache-2.0
//
// What a PersistentVolume is, where it stands inside of another object (core/v1 PersistentVolumeSpec), and
// what a claim of one is.
#pragma once

#include "kube/rules/spot.h"

namespace gantry::kube::rules {

void inline_volume_spec(const Spot& spec);
// core/v1 PersistentVolumeClaimSpec.
void claim_spec(const Spot& spec);

}  // namespace gantry::kube::rules
