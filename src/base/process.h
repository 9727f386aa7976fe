// SPDX-License-Identifier: Apache-2.0
//
// A program started as a child process, and the owner of a child: somebody
// waits for it once, or it is killed and reaped.
//
//   ChildProcess ps = TRY(spawn({.program = "ps", .arguments = {"ps", "-ef"}, .out = pipe.get()}));
//   const WaitStatus status = TRY(ps.wait());
//   if (!status.is_success()) return error(Code::Internal, "'ps': {}", status.describe());
//
// Any thread of any program may spawn: no memory is copied (the child borrows the caller's until it has
// become the program, CLONE_VFORK), and no lock is taken.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

namespace gantry {

// How a child ended, as waitpid(2) tells it.
class WaitStatus {
 public:
  explicit WaitStatus(int status) : status_(status) {}

  bool is_success() const { return status_ == 0; }
  int exit_code() const;  // of a child that exited
  int signal() const;     // that killed it; 0 if it exited
  // 128 and the signal, or the exit code: what a shell has in $?.
  int as_shell_status() const { return signal() != 0 ? 128 + signal() : exit_code(); }
  std::string describe() const;  // "exit status 3", "signal 9"

 private:
  int status_;
};

// A child of this process, which nobody else reaps. At the end of this object it is killed and reaped, unless
// it was before, or was released.
class ChildProcess {
 public:
  explicit ChildProcess(pid_t pid) : pid_(pid) {}
  ChildProcess(ChildProcess&& other) noexcept : pid_(other.release()) {}
  ChildProcess& operator=(ChildProcess&& other) noexcept {
    ChildProcess(std::move(*this));  // ends what was here
    pid_ = other.release();
    return *this;
  }
  ~ChildProcess();

  pid_t pid() const { return pid_; }
  // Waits for its end and reaps it.
  Result<WaitStatus> wait();
  // The same, but empty when it still runs, now or after that time.
  Result<std::optional<WaitStatus>> try_wait();
  Result<std::optional<WaitStatus>> wait_for(std::chrono::milliseconds limit);
  // It lives on, and is somebody else's to reap.
  pid_t release() { return std::exchange(pid_, -1); }

 private:
  pid_t pid_;  // -1: reaped or released
};

// What a standard stream of a child is, if not a descriptor of the caller.
inline constexpr int kInherited = -1;
inline constexpr int kDevNull = -2;

struct Command {
  std::string program;                 // a path, or, without a slash, a name to look for in PATH
  std::vector<std::string> arguments;  // with the program's own name, which is argv[0]
  std::optional<std::vector<std::string>> environment;  // the caller's if absent
  // Standard streams: descriptors of the caller, borrowed until spawn() returns, kInherited or kDevNull.
  int in = kInherited;
  int out = kInherited;
  int err = kInherited;
  std::vector<int> passed_fds = {};  // further descriptors, which have the same numbers in the program
  // Killed by the kernel when the thread that spawned it ends, however that happens. What the program itself
  // starts is not, nor is a set-uid program.
  bool dies_with_caller = false;
};

// Returns when the child has become the program, or with the error why it has not. The program has no signal
// blocked or ignored, and no other descriptors than its streams and those that are passed. (Before Linux 5.11
// also those of the caller that are not close-on-exec.)
Result<ChildProcess> spawn(const Command& command);

// For a child that was cloned and becomes another program by itself: no signal blocked, none ignored, none
// handled.
void reset_signals();

// Waits for a pidfd(2) to say that the process has ended; false when that took longer.
bool wait_for_end(int pidfd, std::chrono::milliseconds limit);

}  // namespace gantry
