// SPDX-License-Identifier: Apache-2.0
//
// What happens is recorded first and told then. An engine that is killed in between leaves the telling to the
// next one, which finds what is missing by comparing its records with the last events on disk.
#pragma once

#include "engine/core.h"

namespace gantry::engine {

// Publishes what should be among the last events and is not: "create", "start", "die" (and "oom") and
// "destroy" of containers, "create" and "destroy" of volumes and networks, and which containers use them.
// After the records are loaded, before anything changes.
void publish_missing_events(Core& core);

}  // namespace gantry::engine
