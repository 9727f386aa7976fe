// SPDX-License-Identifier: Apache-2.0
#include "runtime/foreground.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <optional>

#include "base/file.h"

namespace gantry::runtime {
namespace {

// The caller's terminal without its own line editing, for as long as this lives.
class RawTerminal {
 public:
  explicit RawTerminal(int fd) : fd_(fd) {
    is_changed_ = ::tcgetattr(fd_, &saved_) == 0;
    if (!is_changed_) return;  // not a terminal
    termios raw = saved_;
    ::cfmakeraw(&raw);
    (void)::tcsetattr(fd_, TCSANOW, &raw);
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;
  ~RawTerminal() {
    if (is_changed_) (void)::tcsetattr(fd_, TCSANOW, &saved_);
  }

 private:
  int fd_;
  bool is_changed_ = false;
  termios saved_{};
};

void copy_window_size(int to) {
  winsize size{};
  if (::ioctl(0, TIOCGWINSZ, &size) == 0) (void)::ioctl(to, TIOCSWINSZ, &size);
}

// Carries what is there; false at the end. A terminal's master says EIO when its last user has gone.
bool carry(int from, int to) {
  char buffer[16 << 10];
  const ssize_t n = ::read(from, buffer, sizeof buffer);
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return true;
  if (n <= 0) return false;
  return write_all(to, std::string_view(buffer, static_cast<std::size_t>(n)), "terminal").has_value();
}

bool is_passed_on(unsigned signal) {
  // SIGCHLD is ours, SIGURG and SIGPIPE say nothing to the process, SIGWINCH goes by the terminal.
  return signal != SIGCHLD && signal != SIGURG && signal != SIGPIPE && signal != SIGWINCH;
}

}  // namespace

Result<Foreground> Foreground::begin() {
  sigset_t all;
  sigfillset(&all);
  if (::sigprocmask(SIG_BLOCK, &all, nullptr) < 0) return sys_error("block signals");
  UniqueFd signals(::signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) return sys_error("make signal descriptor");
  return Foreground(std::move(signals));
}

Result<UniqueFd> Foreground::make_console_socket(oci::Process& process) {
  winsize size{};
  if (!process.console_size && ::ioctl(0, TIOCGWINSZ, &size) == 0)
    process.console_size = {.height = size.ws_row, .width = size.ws_col};
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) return sys_error("make socket pair");
  console_socket_.reset(fds[0]);
  return UniqueFd(fds[1]);
}

Result<void> Foreground::receive_terminal() {
  char name[256];
  iovec data{.iov_base = name, .iov_len = sizeof name};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  if (::recvmsg(console_socket_.get(), &message, MSG_CMSG_CLOEXEC) < 0)
    return sys_error("receive the terminal");
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS)
    return error(Code::Internal, "receive the terminal: there is none in the message");
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
  terminal_.reset(fd);
  console_socket_.reset();
  return {};
}

Result<bool> Foreground::handle_signals(pid_t pid, int* exit_status) {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
    if (info.ssi_signo == SIGWINCH && terminal_) copy_window_size(terminal_.get());
    if (is_passed_on(info.ssi_signo))
      (void)::kill(pid, static_cast<int>(info.ssi_signo));  // it is not reaped yet
  }
  int status = 0;
  const pid_t ended = ::waitpid(pid, &status, WNOHANG);
  if (ended < 0) return sys_error("wait for process {}", pid);
  if (ended == 0) return false;
  *exit_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return true;
}

Result<int> Foreground::wait_for(pid_t pid) {
  if (console_socket_) TRY(receive_terminal());
  std::optional<RawTerminal> raw;
  if (terminal_) {
    raw.emplace(0);
    copy_window_size(terminal_.get());
  }
  enum { kSignals, kTerminal, kInput };
  pollfd fds[] = {{.fd = signals_.get(), .events = POLLIN},
                  {.fd = terminal_ ? terminal_.get() : -1, .events = POLLIN},
                  {.fd = terminal_ ? 0 : -1, .events = POLLIN}};
  int exit_status = 0;
  bool has_ended = TRY(handle_signals(pid, &exit_status));  // what came before the mask was looked at
  while (!has_ended) {
    if (::poll(fds, std::size(fds), -1) < 0 && errno != EINTR) return sys_error("wait for process {}", pid);
    if (fds[kTerminal].revents != 0 && !carry(terminal_.get(), 1)) fds[kTerminal].fd = -1;
    if (fds[kInput].revents != 0 && !carry(0, terminal_.get())) fds[kInput].fd = -1;
    if (fds[kSignals].revents != 0) has_ended = TRY(handle_signals(pid, &exit_status));
  }
  // The rest of its output; others of the container may hold the terminal for longer.
  pollfd rest{.fd = fds[kTerminal].fd, .events = POLLIN};
  while (rest.fd >= 0 && ::poll(&rest, 1, 0) > 0 && carry(rest.fd, 1)) {
  }
  return exit_status;
}

}  // namespace gantry::runtime
