// SPDX-License-Identifier: Apache-2.0
//
// Compresses the rotated files of a container's log where they are (docs/formats/container-log.md), while the
// shim goes on writing and rotating. To be called now and then by whoever cares: when a file was rotated,
// when a container has ended.
#pragma once

#include <string>

#include "base/error.h"

namespace gantry::engine {

// Every rotated file of the log `path` that is not compressed yet. A file that is rotated away meanwhile
// keeps its content; one whose place could not be taken, because the shim rotated at that moment, is done by
// the next call. Not for two threads at the same log at once.
Result<void> compress_rotated(const std::string& path);

}  // namespace gantry::engine
