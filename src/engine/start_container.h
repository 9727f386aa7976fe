// SPDX-License-Identifier: Apache-2.0
//
// From created (or exited) to running. The steps, each taken back when a later one fails:
//
//   mounts      volumes and binds resolved
//   network     the namespace; what it is connected to is made beside the steps that follow
//   root        the snapshot's overlay, in the host's mounts only until the container has it
//   spec        config.json
//   create      the shim, which has the runtime create the container
//   attach      clients that wait for it
//   start       the program runs
//
// How long each took is logged at debug level ("container started", steps="…").
#pragma once

#include <memory>

#include "base/error.h"
#include "engine/core.h"

namespace gantry::engine {

enum class StartedBy : std::uint8_t { Request, RestartPolicy };

// By the holder of changes(). Conflict when its state does not allow it. When it fails otherwise the record
// says why (State.Error, State.ExitCode as Docker has them).
Result<void> start_container(Core& core, const std::shared_ptr<Container>& container, StartedBy by);

// Watches a container that runs: after its start, and when the engine finds it running.
void monitor_container(Core& core, const std::shared_ptr<Container>& container, UniqueFd connection);

}  // namespace gantry::engine
