// SPDX-License-Identifier: Apache-2.0
//
// How both kinds of clients reach a shim.
#pragma once

#include <string>

#include "base/error.h"
#include "base/unique_fd.h"

namespace gantry::container {

// Never blocks, and nor does the socket. NotFound or Unavailable when no shim listens.
Result<UniqueFd> connect_to_shim(const std::string& path);

}  // namespace gantry::container
