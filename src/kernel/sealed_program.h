// SPDX-License-Identifier: Apache-2.0
//
// A program that enters a container can be reached from there through
// /proc/<pid>/exe; whoever opens that for writing after the program has ended
// would change the host's binary. So the program first runs itself again from
// a copy in memory that is sealed against every change (memfd_create(2)).
#pragma once

#include "base/error.h"

namespace gantry::kernel {

// Returns only when this process already runs from a sealed copy, or with the
// error that kept it from doing so. Call it before anything else.
Result<void> run_from_sealed_copy(char* const* arguments);

}  // namespace gantry::kernel
