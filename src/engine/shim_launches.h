// SPDX-License-Identifier: Apache-2.0
//
// Shims that a killed engine was just starting. Such a shim goes on, and has the runtime make a container
// that nobody asked for any more; who cleans up waits for it first.
#pragma once

#include <string>

namespace gantry::engine {

// Returns when the shim of that state directory listens, or when there is none: neither a socket nor a
// process that was given this directory. Looks through /proc while it waits.
void wait_for_shim_launch(const std::string& state_dir);

}  // namespace gantry::engine
