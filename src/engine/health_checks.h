// SPDX-License-Identifier: Apache-2.0
//
// Runs the health checks of containers: each probe is an exec session whose output the engine's loop reads,
// so no thread waits for one. What the answers mean is health.h's.
#pragma once

#include <memory>

#include "base/error.h"
#include "engine/core.h"

namespace gantry::engine {

// By the holder of changes(), when it runs. Does nothing for a container without a check.
void start_health_checks(Core& core, const std::shared_ptr<Container>& container);
// By the holder of changes(), when it does not run any more.
void stop_health_checks(Core& core, Container& container);

}  // namespace gantry::engine
