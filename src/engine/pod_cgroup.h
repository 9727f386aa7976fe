// SPDX-License-Identifier: Apache-2.0
//
// The control group of a pod: those of its containers are below it, so its limits are for all of them
// together.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "engine/engine.h"

namespace gantry::engine {

// "<parent>/pod-<id>", below the mount point of each hierarchy: what its containers have as their parent.
// With systemd's groups a slice, which systemd makes and removes itself.
std::string pod_cgroup_path(const EngineOptions& options, const PodRecord& pod);

// With its limits; Unsupported for limits where systemd has the groups. What had no effect is a warning.
Result<std::vector<std::string>> make_pod_cgroup(const EngineOptions& options, const PodRecord& pod);
// None there: fine.
Result<void> remove_pod_cgroup(const EngineOptions& options, const PodRecord& pod);

}  // namespace gantry::engine
