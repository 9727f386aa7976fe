// SPDX-License-Identifier: Apache-2.0
//
// The descriptor table of this process as a whole.
#pragma once

#include <vector>

#include "base/error.h"

namespace gantry::kernel {

// Closes every descriptor from `first` on but those in `keep` (negative ones are passed over). Owners of what
// is closed must not be used, nor destroyed, any more: for a process that goes on to execve(2) or _exit(2).
Result<void> close_all_but(int first, std::vector<int> keep);

}  // namespace gantry::kernel
