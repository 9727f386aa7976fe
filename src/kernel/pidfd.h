// SPDX-License-Identifier: Apache-2.0
//
// Processes that cannot be mistaken for others: a pid may be used again, a
// pidfd or the pair (pid, start time) may not.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "base/error.h"
#include "base/unique_fd.h"

namespace gantry::kernel {

struct ProcessStat {
  char state = 0;                // R, S, D, Z, ...
  std::uint64_t start_time = 0;  // clock ticks after boot
};

// Empty when there is no such process (proc(5), /proc/pid/stat).
std::optional<ProcessStat> read_process_stat(pid_t pid);

// pidfd_open(2); NotFound when the process is gone.
Result<UniqueFd> open_pidfd(pid_t pid);
// The same, but only for the process that started then.
Result<UniqueFd> open_pidfd(pid_t pid, std::uint64_t start_time);

Result<void> send_signal(int pidfd, int signal);

}  // namespace gantry::kernel
