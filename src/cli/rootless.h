// SPDX-License-Identifier: Apache-2.0
//
// What an ordinary user's commands do before they touch the store: they enter a user namespace and a mount
// namespace of his own (kernel/rootless.h), where they may unpack and mount. Both go with the command;
// `gantry rootless enter` runs further commands in the same two, so that they see what one of them has
// mounted.
#pragma once

#include <cstdint>

#include "base/error.h"

namespace gantry::cli {

// Whether the owners of files in images exist for this process; if not, everything it unpacks is the user's.
enum class Owners : std::uint8_t { Kept, Lost };

// Does nothing for root, on the host or inside. For a process with one thread.
Result<Owners> become_root_inside();

}  // namespace gantry::cli
