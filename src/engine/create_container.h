// SPDX-License-Identifier: Apache-2.0
//
// From a request to a container that can be started: image, settings, mounts, file system.
#pragma once

#include "base/error.h"
#include "engine/core.h"

namespace gantry::engine {

// What it makes is recorded before; on failure nothing is left.
Result<CreateResult> create_container(Core& core, CreateRequest request);

}  // namespace gantry::engine
