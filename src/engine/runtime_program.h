// SPDX-License-Identifier: Apache-2.0
//
// The OCI runtime as a program, for what does not go through the shim: limits, freezing, and removing what a
// killed shim left.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "engine/core.h"
#include "oci/runtime_spec.h"

namespace gantry::engine {

// By HostConfig.Runtime; empty, and the names that Docker's own has, mean ours. InvalidArgument "unknown or
// invalid runtime name: x".
Result<std::string> runtime_of(const EngineOptions& options, const std::string& name);

Result<void> pause_processes(Core& core, const ContainerRecord& container);
// One that is not frozen is fine.
Result<void> resume_processes(Core& core, const ContainerRecord& container);
Result<void> update_limits(Core& core, const ContainerRecord& container, const oci::Resources& resources);
// "created", "running", "paused", "stopped"; NotFound when the runtime knows no such container.
Result<std::string> runtime_status(Core& core, const ContainerRecord& container);
// Kills what is left of it and removes its state and control group. That there is nothing is fine.
void force_delete(Core& core, const ContainerRecord& container);

}  // namespace gantry::engine
