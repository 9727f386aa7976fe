// SPDX-License-Identifier: Apache-2.0
//
// File systems whose files are an interface of the kernel rather than data: reading them may have no end, and
// writing does things.
#pragma once

#include "base/error.h"

namespace gantry::engine {

// `fd` of any file in it (O_PATH will do).
Result<bool> is_kernel_file_system(int fd);

}  // namespace gantry::engine
