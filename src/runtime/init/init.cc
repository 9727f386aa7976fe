// SPDX-License-Identifier: Apache-2.0
#include "runtime/init/init.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string_view>

#include <fmt/format.h>

#include "base/error.h"
#include "base/file.h"

namespace gantry::init {
namespace {

constexpr int kUsageError = 2;
constexpr int kCannotExecute = 126;
constexpr int kNotFound = 127;

struct Options {
  bool to_group = false;
  char** command = nullptr;
};

void complain(std::string_view what) {
  // Standard error may be closed or full, and there is nobody else to tell.
  (void)write_all(STDERR_FILENO, fmt::format("init: {}\n", what), "standard error");
}

Result<Options> parse_options(char** argv) {
  Options options;
  char** argument = argv + 1;
  for (; *argument != nullptr && (*argument)[0] == '-'; ++argument) {
    const std::string_view text = *argument;
    if (text == "--") {
      ++argument;
      break;
    }
    for (const char letter : text.substr(1)) {
      if (letter == 'g')
        options.to_group = true;
      else if (letter != 's' && letter != 'v')
        return error(Code::InvalidArgument, "unknown option '-{}'", letter);
    }
  }
  if (*argument == nullptr) return error(Code::InvalidArgument, "no program given");
  options.command = argument;
  return options;
}

// What is fetched by sigwaitinfo(2), and so blocked: everything but faults of this very process, and what
// touching the terminal from behind the program would bring.
sigset_t handled_signals() {
  sigset_t signals;
  ::sigfillset(&signals);
  for (const int other : {SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGABRT, SIGTRAP, SIGSYS, SIGTTIN, SIGTTOU})
    ::sigdelset(&signals, other);
  return signals;
}

// The child: its own process group, in front of the terminal if there is one, then the program.
[[noreturn]] void become_program(char** command, const sigset_t& inherited) {
  // Without a terminal this fails, and that is fine.
  if (::setpgid(0, 0) == 0) (void)::tcsetpgrp(STDIN_FILENO, ::getpgrp());
  (void)::signal(SIGTTIN, SIG_DFL);
  (void)::signal(SIGTTOU, SIG_DFL);
  (void)::sigprocmask(SIG_SETMASK, &inherited, nullptr);
  (void)::execvp(command[0], command);
  const int reason = errno;
  complain(fmt::format("execute '{}': {}", command[0], describe_errno(reason)));
  ::_exit(reason == ENOENT || reason == ENOTDIR ? kNotFound : kCannotExecute);
}

int exit_code(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

// Reaps all that has ended; true when the program was among it.
bool reap(pid_t program, int& wait_status) {
  bool has_ended = false;
  int status;
  for (pid_t pid; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    if (pid != program) continue;
    wait_status = status;
    has_ended = true;
  }
  return has_ended;
}

}  // namespace

int init_main(int, char** argv) {
  const auto options = parse_options(argv);
  if (!options) {
    complain(options.error().message());
    return kUsageError;
  }
  // Orphans come to pid 1 of a pid namespace by themselves; in a shared one they have to be asked for.
  if (::getpid() != 1) (void)::prctl(PR_SET_CHILD_SUBREAPER, 1);

  const sigset_t signals = handled_signals();
  sigset_t inherited;
  (void)::sigprocmask(SIG_SETMASK, &signals, &inherited);
  // Setting the terminal's foreground group from behind it would stop us.
  (void)::signal(SIGTTIN, SIG_IGN);
  (void)::signal(SIGTTOU, SIG_IGN);

  const pid_t program = ::fork();
  if (program < 0) {
    complain(sys_error("fork").message());
    return kCannotExecute;
  }
  if (program == 0) become_program(options->command, inherited);

  const pid_t target = options->to_group ? -program : program;
  for (;;) {
    const int signal = ::sigwaitinfo(&signals, nullptr);
    int wait_status;
    if (signal == SIGCHLD) {
      if (reap(program, wait_status)) return exit_code(wait_status);
    } else if (signal > 0) {
      (void)::kill(target, signal);  // it may have ended in this moment: SIGCHLD is on its way then
    }
  }
}

}  // namespace gantry::init
