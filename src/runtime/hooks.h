// SPDX-License-Identifier: Apache-2.0
//
// Hooks (runtime-spec, config.md "POSIX-platform Hooks"): programs that run in
// order with the container's state on standard input.
#pragma once

#include <string_view>
#include <vector>

#include "base/error.h"
#include "oci/runtime_spec.h"

namespace gantry::runtime {

// Stops at the first hook that fails, cannot be started or takes longer than its timeout; the error
// has the hook's place ("hooks.prestart[0]"), its status and what it wrote to standard error. A hook does not
// outlive the caller.
Result<void> run_hooks(std::string_view kind, const std::vector<oci::Hook>& hooks, const oci::State& state);

}  // namespace gantry::runtime
