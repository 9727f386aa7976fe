// SPDX-License-Identifier: Apache-2.0
//
// kill -9 at every system call of what has to survive it:
//
//   for (int call = 1;; ++call) {
//     const bool is_over = run_until(call, [&] { prepare(); count_from_here(); work(); });
//     look_at_what_is_left();
//     if (is_over) break;
//   }
#pragma once

#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "testing/child.h"

namespace gantry::testing {

// From here on the calls of the child are counted.
inline void count_from_here() {
  ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
  ::raise(SIGSTOP);
}

// Runs `body` in a child that is killed as it enters the system call number `call` (from 1) after
// count_from_here(), before that has an effect. True when it ended by itself, before that call.
template <class Body>
bool run_until(int call, Body body) {
  const pid_t child = start_child(body);
  int status = 0;
  ::waitpid(child, &status, 0);
  ::ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
  int entered = 0;
  for (;;) {
    ::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
    ::waitpid(child, &status, 0);
    if (WIFEXITED(status)) {
      EXPECT_EQ(WEXITSTATUS(status), 0);
      return true;
    }
    if (WIFSIGNALED(status)) {
      ADD_FAILURE() << "the child ended by signal " << WTERMSIG(status);
      return true;
    }
    __ptrace_syscall_info info{};
    ::ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof info, &info);
    if (info.op != PTRACE_SYSCALL_INFO_ENTRY || ++entered < call) continue;
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
    return false;
  }
}

}  // namespace gantry::testing
