// SPDX-License-Identifier: Apache-2.0
//
// A program that enters a container can be reached from there through
// /proc/<pid>/exe; whoever opens that for writing after the program has ended
// would change the host's binary (CVE-2019-5736). So the program first runs
// itself again from a place where nobody can write to it:
//
//   an overlay of its directory without an upper layer, mounted nowhere: a
//   copy for the price of a mount, which the kernel refuses to make writable
//   even to who may remount everything; or
//   a memory file that is sealed against every change (memfd_create(2)):
//   slower, but also without privileges.
//
// docs/decisions/0003 says why these.
#pragma once

#include "base/error.h"

namespace gantry::kernel {

// Returns only when this process already runs from such a place, or with the
// error that kept it from doing so. Call it before anything else.
Result<void> run_from_sealed_place(char* const* arguments);

}  // namespace gantry::kernel
