// SPDX-License-Identifier: Apache-2.0
//
// Copies what a directory holds into an empty one (mount option "tmpcopyup"):
// directories, files, links, nodes and fifos with owner, mode, times and
// extended attributes. Links are copied, never followed.
#pragma once

#include "base/error.h"

namespace gantry::runtime {

Result<void> copy_up(int from, int to);

}  // namespace gantry::runtime
