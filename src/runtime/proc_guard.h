// SPDX-License-Identifier: Apache-2.0
//
// A process that trusts /proc (the runtime itself in `exec`, a label, a sysctl, who
// reads what a mask should hide) must not find something else there.
#pragma once

#include <string>

#include "base/error.h"
#include "kernel/rooted_path.h"

namespace gantry::runtime {

// An error if the opened `target` is in procfs, or is the root's /proc, and not one of the few files that may
// be covered. What counts is what was opened, not what the path looked like.
Result<void> refuse_inside_proc(int target, const kernel::RootDir& root);

// Whether `fd` is the root of a procfs.
Result<bool> is_root_of_proc(int fd);

}  // namespace gantry::runtime
