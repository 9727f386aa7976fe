// SPDX-License-Identifier: Apache-2.0
//
// How the container ended, on disk until somebody collects it (the format is in
// docs/formats/shim-protocol.md).
#pragma once

#include <sys/types.h>

#include <string>

#include "base/error.h"
#include "runtime/shim/protocol.h"

namespace gantry::shim {

inline constexpr const char* kExitRecord = "exit.json";

// Readers see the whole record or none, also after the host has crashed: written, synced, renamed,
// and the directory synced.
Result<void> write_exit_record(int dir, const std::string& id, pid_t pid, const ExitStatus& status);

}  // namespace gantry::shim
