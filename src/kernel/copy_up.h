// SPDX-License-Identifier: Apache-2.0
//
// Copies what a directory holds into an empty one (mount option "tmpcopyup", contents of new volumes):
// directories and files with owner, mode, times and extended attributes; links,
// nodes, sockets and fifos with owner, mode and times. Links are copied, never followed.
#pragma once

#include "base/error.h"

namespace gantry::kernel {

Result<void> copy_up(int from, int to);

}  // namespace gantry::kernel
