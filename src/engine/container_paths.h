// SPDX-License-Identifier: Apache-2.0
//
// Where things of a container are, all of it derived from its id: so what a killed engine left behind can be
// found without a record of it.
#pragma once

#include <string>

#include "engine/container_record.h"
#include "engine/engine.h"

namespace gantry::engine {

ContainerPaths paths_of(const EngineOptions& options, const ContainerRecord& container);

// The control group above a container's or pod's; `own`: the one it asked for, or empty.
std::string cgroup_parent_of(const EngineOptions& options, const std::string& own);

// Directories of the engine.
std::string containers_directory(const EngineOptions& options);       // <root>/containers
std::string shims_directory(const EngineOptions& options);            // <run>/shims
std::string rootfs_directory(const EngineOptions& options);           // <run>/rootfs
std::string runtime_root(const EngineOptions& options);               // <run>/runtime
std::string shared_memory_directory(const EngineOptions& options);    // <run>/shm
std::string user_namespaces_directory(const EngineOptions& options);  // <run>/userns

// The key of a container's snapshot, and its name as a user of an image.
std::string snapshot_key_of(const std::string& id);
std::string image_user_of(const std::string& id);

}  // namespace gantry::engine
