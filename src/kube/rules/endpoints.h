// SPDX-License-Identifier: Apache-2.0
//
// Addresses at which others are reached.
#pragma once

#include "kube/rules/spot.h"

namespace gantry::kube::rules {

// One that is not of the machine itself or of the network next to it alone.
void endpoint_address(const Spot& address);

}  // namespace gantry::kube::rules
