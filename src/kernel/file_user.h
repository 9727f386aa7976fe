// SPDX-License-Identifier: Apache-2.0
//
// Acting on files as another user. Seen through an id map a file can only be made by a user who exists there,
// and the host's root does not.
#pragma once

#include <sys/types.h>

#include "base/error.h"

namespace gantry::kernel {

// From here on this thread makes files as that user, but with the capabilities of before (setfsuid(2)). For
// good: on a thread that ends afterwards.
Result<void> act_on_files_as(uid_t uid, gid_t gid);

}  // namespace gantry::kernel
