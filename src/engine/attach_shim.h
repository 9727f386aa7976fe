// SPDX-License-Identifier: Apache-2.0
//
// Connections to shims that are attached already, for the streams of a face.
#pragma once

#include <string>

#include "base/error.h"
#include "container/settings.h"
#include "engine/engine.h"

namespace gantry::engine {

// To the container's own streams.
Result<Attachment> attach_shim(const std::string& socket, const container::Config& config,
                               const AttachRequest& request);

}  // namespace gantry::engine
