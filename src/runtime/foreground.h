// SPDX-License-Identifier: Apache-2.0
//
// A runtime that stays with the process it started (`run` and `exec` without
// --detach): passes signals on, and, for a process with a terminal, carries
// bytes and window sizes between that and the caller's own.
#pragma once

#include <sys/types.h>

#include "base/error.h"
#include "base/unique_fd.h"
#include "oci/runtime_spec.h"

namespace gantry::runtime {

class Foreground {
 public:
  // From here on signals wait for wait_for(), so that none is lost while the process is being made.
  static Result<Foreground> begin();
  Foreground(Foreground&&) = default;

  // Where a process with a terminal is to send the terminal's master. Its size is the caller's from the
  // start, unless it has one already.
  Result<UniqueFd> make_console_socket(oci::Process& process);

  // The process is a child of the caller. Its exit status, or 128 and the number of the signal that
  // ended it.
  Result<int> wait_for(pid_t pid);

 private:
  explicit Foreground(UniqueFd signals) : signals_(std::move(signals)) {}
  Result<void> receive_terminal();
  // True when the process has ended and been reaped.
  Result<bool> handle_signals(pid_t pid, int* exit_status);

  UniqueFd signals_;         // signalfd(2)
  UniqueFd console_socket_;  // our end
  UniqueFd terminal_;        // master
};

}  // namespace gantry::runtime
