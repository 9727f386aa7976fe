// SPDX-License-Identifier: Apache-2.0
//
// Signals, and what waits for their effect. Nothing here holds changes() while it waits: recording the end
// needs it.
#pragma once

#include <memory>
#include <string_view>

#include "base/error.h"
#include "engine/core.h"

namespace gantry::engine {

// False: it did not run. SIGTERM or what the container wants, and SIGKILL after its patience.
Result<bool> stop_container(Core& core, const std::shared_ptr<Container>& container,
                            const StopOptions& options);
// Conflict when it does not run. After SIGKILL it has ended, or TimedOut.
Result<void> kill_container(Core& core, const std::shared_ptr<Container>& container, std::string_view signal);

Result<void> pause_container(Core& core, Container& container);
Result<void> unpause_container(Core& core, Container& container);

// "SIGTERM", "term", "15". InvalidArgument "Invalid signal: x".
Result<int> parse_signal_name(std::string_view text);

}  // namespace gantry::engine
