// SPDX-License-Identifier: Apache-2.0
#include "base/process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <limits>
#include <string_view>

#include "base/unique_fd.h"

// Between clone and execve the child is a guest in its parent's memory. A sanitizer would write down there
// what the child does as if the parent had done it, so the child is not instrumented and calls the kernel,
// not libc.
#define GANTRY_GUEST __attribute__((no_sanitize("address", "thread", "undefined")))

// glibc's clone(2) by its other name: the thread sanitizer takes a call of the usual one for a fork, and does
// to the memory what has to be done in a copy of it.
extern "C" int __clone(int (*body)(void*), void* stack, int flags, void* argument, ...) noexcept;  // NOLINT

namespace gantry {
namespace {

constexpr int kStandardStreams = 3;
constexpr std::size_t kGuestStack = 16 << 10;  // bytes; the child makes system calls and nothing else
constexpr std::size_t kKernelSignals = 64;     // _NSIG of the kernel, which libc does not tell
constexpr std::size_t kKernelSignalSet = kKernelSignals / 8;  // bytes

// What the child needs, made before it is there.
struct Birth {
  std::array<int, kStandardStreams> streams;  // -1: inherited
  const int* passed_fds;
  std::size_t passed_fd_count;
  bool dies_with_parent;
  pid_t parent;
  const char* const* paths;  // to try one after the other; a null at the end
  char* const* arguments;
  char* const* environment;
  int failure = 0;  // the child's errno
};

// The kernel's struct sigaction, in zeros: SIG_DFL, no flags, no mask.
constexpr unsigned long kDefaultAction[4] = {};
constexpr unsigned long kNoSignals = 0;
constexpr unsigned long kAllSignals = ~0UL;

GANTRY_GUEST long set_signal_mask(const unsigned long* mask, unsigned long* before) {
  return ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, mask, before, kKernelSignalSet);
}

GANTRY_GUEST void reset_signals_as_guest() {
  for (std::size_t signal = 1; signal <= kKernelSignals; ++signal)
    ::syscall(SYS_rt_sigaction, signal, kDefaultAction, nullptr, kKernelSignalSet);
  set_signal_mask(&kNoSignals, nullptr);
}

// First out of the way of each other, then into their places.
GANTRY_GUEST bool place_streams(Birth& birth) {
  for (int stream = 0; stream < kStandardStreams; ++stream) {
    int& fd = birth.streams.data()[stream];
    if (fd < 0) continue;
    fd = static_cast<int>(::syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, kStandardStreams));
    if (fd < 0) return false;
  }
  for (int stream = 0; stream < kStandardStreams; ++stream) {
    const int fd = birth.streams.data()[stream];
    if (fd >= 0 && ::syscall(SYS_dup3, fd, stream, 0) < 0) return false;
  }
  return true;
}

// What the caller has open, because its own caller left it open, is not for the program.
GANTRY_GUEST bool close_others(const Birth& birth) {
  ::syscall(SYS_close_range, kStandardStreams, ~0U, CLOSE_RANGE_CLOEXEC);  // older kernels: see the header
  for (std::size_t i = 0; i < birth.passed_fd_count; ++i)
    if (::syscall(SYS_fcntl, birth.passed_fds[i], F_SETFD, 0) < 0) return false;
  return true;
}

// As execvp(3) goes on, but no file is taken for a shell script.
GANTRY_GUEST void execute(const Birth& birth) {
  bool is_denied = false;
  for (const char* const* path = birth.paths; *path != nullptr; ++path) {
    ::syscall(SYS_execve, *path, birth.arguments, birth.environment);
    if (errno == EACCES) is_denied = true;
    if (errno != EACCES && errno != ENOENT && errno != ENOTDIR) return;
  }
  if (is_denied) errno = EACCES;
}

GANTRY_GUEST int run_guest(void* argument) {
  Birth& birth = *static_cast<Birth*>(argument);
  if (birth.dies_with_parent) {
    ::syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (::syscall(SYS_getppid) != birth.parent) return 1;  // it has died already
  }
  if (place_streams(birth) && close_others(birth)) {
    reset_signals_as_guest();
    execute(birth);
  }
  birth.failure = errno;
  return 1;
}

// No handler of the caller may run in the child, where it would work on the caller's memory.
class AllSignalsBlocked {
 public:
  AllSignalsBlocked() { set_signal_mask(&kAllSignals, &before_); }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;
  ~AllSignalsBlocked() { set_signal_mask(&before_, nullptr); }

 private:
  unsigned long before_ = 0;
};

// An empty directory in PATH is the working directory (environ(7)).
std::vector<std::string> paths_of(const std::string& program) {
  if (program.find('/') != std::string::npos) return {program};
  const char* variable = std::getenv("PATH");
  std::string_view rest = variable != nullptr ? variable : "/bin:/usr/bin";
  for (std::vector<std::string> paths;;) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    const std::string_view directory = end == 0 ? "." : rest.substr(0, end);
    paths.push_back(fmt::format("{}/{}", directory, program));
    if (end == rest.size()) return paths;
    rest.remove_prefix(end + 1);
  }
}

// As execve(2) wants it. The kernel does not write there.
std::vector<char*> as_pointers(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// Empty when it still runs, which only WNOHANG finds out.
Result<std::optional<WaitStatus>> reap(pid_t pid, int options) {
  if (pid <= 0) return error(Code::Internal, "wait for a process: it was waited for already");
  for (int status = 0;;) {
    const pid_t reaped = ::waitpid(pid, &status, options);
    if (reaped == 0) return std::nullopt;
    if (reaped > 0) return WaitStatus(status);
    if (errno != EINTR) return sys_error("wait for process {}", pid);
  }
}

}  // namespace

int WaitStatus::exit_code() const { return WEXITSTATUS(status_); }

int WaitStatus::signal() const { return WIFSIGNALED(status_) ? WTERMSIG(status_) : 0; }

std::string WaitStatus::describe() const {
  return signal() != 0 ? fmt::format("signal {}", signal()) : fmt::format("exit status {}", exit_code());
}

ChildProcess::~ChildProcess() {
  if (pid_ <= 0) return;
  (void)::kill(pid_, SIGKILL);  // not reaped yet, so the pid cannot be another's
  (void)reap(pid_, 0);
}

Result<WaitStatus> ChildProcess::wait() { return *TRY(reap(release(), 0)); }

Result<std::optional<WaitStatus>> ChildProcess::try_wait() {
  auto status = TRY(reap(pid_, WNOHANG));
  if (status) (void)release();
  return status;
}

Result<std::optional<WaitStatus>> ChildProcess::wait_for(std::chrono::milliseconds limit) {
  const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  if (!pidfd) return sys_error("open process {}", pid_);
  if (!wait_for_end(pidfd.get(), limit)) return std::nullopt;
  return TRY(wait());
}

Result<ChildProcess> spawn(const Command& command) {
  UniqueFd null;
  if (command.in == kDevNull || command.out == kDevNull || command.err == kDevNull) {
    null.reset(::open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!null) return sys_error("open '/dev/null'");
  }
  const auto stream = [&](int fd) { return fd == kDevNull ? null.get() : fd; };
  const std::vector<std::string> paths = paths_of(command.program);
  const std::vector<char*> path_pointers = as_pointers(paths), arguments = as_pointers(command.arguments);
  const std::vector<char*> environment =
      command.environment ? as_pointers(*command.environment) : std::vector<char*>();
  Birth birth{.streams = {stream(command.in), stream(command.out), stream(command.err)},
              .passed_fds = command.passed_fds.data(),
              .passed_fd_count = command.passed_fds.size(),
              .dies_with_parent = command.dies_with_caller,
              .parent = ::getpid(),
              .paths = path_pointers.data(),
              .arguments = arguments.data(),
              .environment = command.environment ? environment.data() : environ};
  alignas(16) char stack[kGuestStack];
  pid_t pid;
  {
    const AllSignalsBlocked blocked;
    // Until the child has become the program or has ended, this thread waits.
    pid = ::__clone(run_guest, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, &birth);
  }
  if (pid < 0) return sys_error("start '{}'", command.program);
  if (birth.failure != 0) {
    (void)reap(pid, 0);
    return sys_error_of(birth.failure, "run '{}'", command.program);
  }
  return ChildProcess(pid);
}

void reset_signals() { reset_signals_as_guest(); }

bool wait_for_end(int pidfd, std::chrono::milliseconds limit) {
  using std::chrono::steady_clock;
  const auto end = steady_clock::now() + limit;
  for (auto left = limit;;) {
    const auto most = std::chrono::milliseconds(std::numeric_limits<int>::max());
    pollfd poll_fd{.fd = pidfd, .events = POLLIN};
    const int ready = ::poll(&poll_fd, 1, static_cast<int>(std::min(left, most).count()));
    if (ready > 0) return true;
    left = std::chrono::ceil<std::chrono::milliseconds>(end - steady_clock::now());
    // Interrupted by a signal, or longer than poll(2) can wait at once.
    if (left <= std::chrono::milliseconds(0)) return false;
    if (ready < 0 && errno != EINTR) return false;
  }
}

}  // namespace gantry
