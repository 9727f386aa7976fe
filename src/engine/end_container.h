// SPDX-License-Identifier: Apache-2.0
//
// What happens when a container's first process has ended, however that came about: the record, the events,
// giving back what it had, and what its policies ask for next.
#pragma once

#include <memory>

#include "base/error.h"
#include "engine/core.h"
#include "engine/shim_monitor.h"

namespace gantry::engine {

// For the monitor: the run that it watched has ended.
void on_run_end(Core& core, const std::shared_ptr<Container>& container, std::uint64_t run, RunEnd end);

// By the holder of changes(), for one that its record says runs and that does not any more.
void end_container(Core& core, const std::shared_ptr<Container>& container, RunEnd end);

// What a run leaves behind outside of its record: shim, runtime's state, cgroup, mounts, network. Does
// nothing where nothing is.
void clean_up_run(Core& core, const ContainerRecord& container);
// Whether there may be such things.
bool has_run_leftovers(Core& core, const ContainerRecord& container);

}  // namespace gantry::engine
