// SPDX-License-Identifier: Apache-2.0
//
//   kill_at REPORT PROCESS CALL PROGRAM ARGS...
//
// Runs a program and kills one of its processes (0: itself, 1: the first it made, ...) with SIGKILL as
// that enters its system call number CALL, before the call has any effect. CALL 0 kills nothing. Ends when
// the program itself has ended, with its status, and lets go of what else runs. REPORT gets the number
// of calls of every process, one a line, and "killed NUMBER" with the number of the last call.

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX = 64 };

static struct {
  pid_t pid;
  int calls;
} tracees[MAX];
static int count;

static int index_of(pid_t pid) {
  for (int i = 0; i < count; i++)
    if (tracees[i].pid == pid) return i;
  return -1;
}

// The number of the call that a stopped process is about to enter; -1 as it leaves one.
static long call_entered(pid_t pid) {
  struct __ptrace_syscall_info info;
  if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) < 0 || info.op != PTRACE_SYSCALL_INFO_ENTRY)
    return -1;
  return (long)info.entry.nr;
}

int main(int argc, char** argv) {
  if (argc < 5) return 2;
  const int process = atoi(argv[2]), call = atoi(argv[3]);
  const pid_t program = fork();
  if (program == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    execvp(argv[4], argv + 4);
    perror(argv[4]);
    _exit(127);
  }
  int status, result = 1;
  long killed = -1;
  waitpid(program, &status, 0);
  ptrace(PTRACE_SETOPTIONS, program, 0,
         PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
             PTRACE_O_TRACEEXEC);
  tracees[count++].pid = program;
  ptrace(PTRACE_SYSCALL, program, 0, 0);

  for (;;) {
    const pid_t pid = waitpid(-1, &status, __WALL);
    if (pid < 0 && errno == EINTR) continue;
    if (pid < 0) break;
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      if (pid != program) continue;
      result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      break;
    }
    long signal = WSTOPSIG(status);
    int i = index_of(pid);
    if (i < 0 && count < MAX) {  // a new process, stopped before its first step
      tracees[i = count++].pid = pid;
      signal = 0;
    } else if (signal == (SIGTRAP | 0x80)) {
      signal = 0;
      const long number = call_entered(pid);
      if (number >= 0 && ++tracees[i].calls == call && i == process) {
        killed = number;
        kill(pid, SIGKILL);
        continue;
      }
    } else if (status >> 16) {  // an event: fork, exec
      signal = 0;
    }
    ptrace(PTRACE_SYSCALL, pid, 0, signal);
  }

  FILE* report = fopen(argv[1], "w");
  for (int i = 0; report && i < count; i++) fprintf(report, "%d\n", tracees[i].calls);
  if (report && killed >= 0) fprintf(report, "killed %ld\n", killed);
  return result;
}
