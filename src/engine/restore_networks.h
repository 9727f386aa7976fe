// SPDX-License-Identifier: Apache-2.0
//
// What containers say of their networks and what the networks say of them, after a daemon that was killed
// between the two.
#pragma once

#include "engine/core.h"

namespace gantry::engine {

// For every container that runs. A container's record is written after the networks have done their part,
// so it decides: a connection or disconnection that was not finished is taken back.
// To be called when networks and containers are loaded, before anybody changes them.
void restore_networks(Core& core);

}  // namespace gantry::engine
