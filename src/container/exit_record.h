// SPDX-License-Identifier: Apache-2.0
//
// How a container ended, as its shim left it on disk (docs/formats/shim-protocol.md).
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/error.h"
#include "runtime/shim/protocol.h"

namespace gantry::container {

struct ExitRecord {
  std::string id;
  pid_t pid = 0;  // of its first process, long gone
  shim::ExitStatus status;
};

// Empty when there is none: the container lives, or its shim was killed. DataLoss: it cannot be read.
Result<std::optional<ExitRecord>> read_exit_record(const std::string& state_dir);

}  // namespace gantry::container
