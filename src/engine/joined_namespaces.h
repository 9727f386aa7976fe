// SPDX-License-Identifier: Apache-2.0
//
// Namespaces that a container shares with others, the network aside (container_network.h): those of
// "container:NAME" modes, and its pod's.
#pragma once

#include <string>

#include "base/error.h"
#include "container/make_spec.h"
#include "engine/core.h"

namespace gantry::engine {

// Conflict when the other container does not run.
Result<container::JoinedNamespaces> joined_namespaces_of(Core& core, const ContainerRecord& container);

// The tmpfs that it has as /dev/shm together with others, mounted if it is not yet; empty: one of its own.
// Conflict when the other container's is private.
Result<std::string> shared_memory_of(Core& core, const ContainerRecord& container);

// A tmpfs at `path`, which is made.
Result<void> mount_shared_memory(const std::string& path, std::int64_t bytes);

}  // namespace gantry::engine
