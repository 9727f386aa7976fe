// SPDX-License-Identifier: Apache-2.0
#include "runtime/shim/session.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include <fmt/format.h>

#include "kernel/pidfd.h"
#include "kernel/pty.h"
#include "runtime/shim/shim.h"

namespace gantry::shim {
namespace {

constexpr int kPipeSize = 1 << 20;  // bytes

// A terminal cannot say how much the kernel holds for its master. It is never more than this
// (drivers/tty/tty_buffer.c: 64 KiB, n_tty: 4 KiB), and usually a read says that there is no more.
constexpr std::size_t kTerminalHolds = 128 << 10;

// How long an exit may wait for a log or a client that takes no output.
constexpr std::chrono::seconds kDrainLimit(10);

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return sys_error("make pipe");
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Result<void> set_nonblocking(const UniqueFd& fd) {
  if (::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK) < 0)
    return sys_error("make descriptor non-blocking");
  return {};
}

Result<UniqueFd> receive_descriptor(int socket) {
  char byte;
  iovec data{.iov_base = &byte, .iov_len = 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message{.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  if (::recvmsg(socket, &message, MSG_CMSG_CLOEXEC) < 0) return sys_error("receive terminal");
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
      header->cmsg_len != CMSG_LEN(sizeof(int)))
    return error(Code::InvalidArgument, "receive terminal: the runtime sent no descriptor");
  int fd;
  std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return UniqueFd(fd);
}

}  // namespace

Session::Session(Shim& shim, EventLoop& loop, std::uint32_t id)
    : shim_(shim),
      id_(id),
      outputs_{{loop, Callback::to<&Session::on_stdout>(*this)},
               {loop, Callback::to<&Session::on_stderr>(*this)}},
      stdin_watch_(loop, Callback::to<&Session::on_stdin_ready>(*this)),
      console_watch_(loop, Callback::to<&Session::on_console_connection>(*this)),
      overdue_(loop, Callback::to<&Session::on_overdue>(*this)) {}

Result<void> Session::open_pipes(Stdin mode) {
  if (mode == Stdin::Open) {
    Pipe pipe = TRY(make_pipe());
    TRY(set_nonblocking(pipe.write_end));
    child_[0] = std::move(pipe.read_end);
    stdin_ = std::move(pipe.write_end);
  }
  for (std::size_t stream = 0; stream < kStreams; ++stream) {
    Pipe pipe = TRY(make_pipe());
    TRY(set_nonblocking(pipe.read_end));
    // A smaller pipe is as right, only slower. Ordinary users have a limit on all their pipes together,
    // beyond which any new one has two pages (pipe-user-pages-soft, pipe(7)): leave that to others.
    if (::geteuid() == 0) (void)::fcntl(pipe.read_end.get(), F_SETPIPE_SZ, kPipeSize);
    child_[1 + stream] = std::move(pipe.write_end);
    outputs_[stream].fd = std::move(pipe.read_end);
  }
  return {};
}

Result<std::string> Session::open_console(int directory, WindowSize size) {
  is_terminal_ = true;
  size_ = size;
  console_name_ = fmt::format("console-{}.sock", id_);
  // sun_path is short and state directories may be deep: go through the descriptor.
  const std::string path = fmt::format("/proc/{}/fd/{}/{}", ::getpid(), directory, console_name_);
  sockaddr_un address{.sun_family = AF_UNIX};
  if (path.size() >= sizeof address.sun_path) return error(Code::Internal, "path '{}' is too long", path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return sys_error("make console socket");
  (void)::unlinkat(directory, console_name_.c_str(), 0);
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0 ||
      ::listen(socket.get(), 1) < 0)
    return sys_error("listen on '{}'", path);
  console_ = std::move(socket);
  console_directory_ = directory;
  TRY(console_watch_.start(console_.get(), EPOLLIN));
  return path;
}

void Session::close_child_stdio() {
  for (UniqueFd& fd : child_) fd.reset();
}

void Session::close_console() {
  console_watch_.stop();
  console_.reset();
  if (!console_name_.empty()) (void)::unlinkat(console_directory_, console_name_.c_str(), 0);
  console_name_.clear();
}

void Session::on_console_connection() {
  const UniqueFd connection(::accept4(console_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!connection) return;
  if (auto master = receive_descriptor(connection.get()))
    if (take_terminal(std::move(*master))) close_console();
  // Otherwise set_process() says that no terminal came.
}

Result<void> Session::take_terminal(UniqueFd master) {
  TRY(set_nonblocking(master));
  // epoll knows a descriptor by its number: reading and writing need one each.
  UniqueFd input(::fcntl(master.get(), F_DUPFD_CLOEXEC, 3));
  if (!input) return sys_error("duplicate terminal");
  // With no slave open anywhere, a master reads as ended; init systems do close theirs for a while.
  // Where the kernel refuses, such a process loses its terminal.
  slave_.reset(::ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  stdin_ = std::move(input);
  outputs_[0].fd = std::move(master);
  if (size_.rows > 0) TRY(resize(size_));
  return {};
}

Result<void> Session::set_process(pid_t pid) {
  if (is_terminal_ && console_) {
    // The runtime has ended; what it sent may be in the socket still.
    on_console_connection();
    if (!outputs_[0].fd) return error(Code::Internal, "the runtime sent no terminal");
  }
  pidfd_ = TRY(kernel::open_pidfd(pid));
  pid_ = pid;
  update_reading();
  return {};
}

void Session::set_exit(const ExitStatus& status) {
  exit_ = status;
  pidfd_.reset();
  slave_.reset();
  drop_stdin();
  for (Output& output : outputs_) {
    int held = 0;
    if (!output.fd) continue;
    output.left = is_terminal_                                     ? kTerminalHolds
                  : ::ioctl(output.fd.get(), FIONREAD, &held) == 0 ? static_cast<std::size_t>(held)
                                                                   : 0;
  }
  overdue_.start(kDrainLimit);
}

bool Session::is_drained() const { return exit_ && outputs_[0].left == 0 && outputs_[1].left == 0; }

void Session::set_reported() {
  is_reported_ = true;
  overdue_.stop();
}

void Session::on_overdue() { shim_.on_overdue(*this); }

void Session::update_reading() {
  // Until there is a process, what comes is the runtime's own complaint.
  const bool can_read = has_process() && shim_.can_take_output(*this);
  for (Output& output : outputs_) {
    if (!output.fd) continue;
    // Stopped, not waiting for nothing: epoll would go on to report the other end's closing.
    if (!can_read)
      output.watch.stop();
    else if (!output.watch.is_started() && !output.watch.start(output.fd.get(), EPOLLIN))
      output.fd.reset();  // only out of memory: the process sees a broken pipe rather than a silent stop
  }
  if (exit_ && !is_reported_) drain();
}

void Session::drain() {
  for (const Stream stream : {Stream::Stdout, Stream::Stderr})
    while (outputs_[static_cast<std::size_t>(stream)].left > 0 && shim_.can_take_output(*this) &&
           read_some(stream)) {
    }
  shim_.on_progress(*this);
}

void Session::on_output(Stream stream) {
  if (!shim_.can_take_output(*this)) return update_reading();
  (void)read_some(stream);
  shim_.on_progress(*this);
}

// One read; false when there is nothing to read now or will never be.
bool Session::read_some(Stream stream) {
  Output& output = outputs_[static_cast<std::size_t>(stream)];
  const std::span<char> buffer = shim_.output_buffer();
  const ssize_t n = ::read(output.fd.get(), buffer.data(), buffer.size());
  if (n > 0) {
    const auto size = static_cast<std::size_t>(n);
    output.left -= std::min(output.left, size);
    shim_.take_output(*this, stream, {buffer.data(), size});
    return true;
  }
  if (n < 0 && errno == EINTR) return true;
  output.left = 0;
  if (n < 0 && errno == EAGAIN) return false;
  // End of file; of a terminal: EIO.
  output.watch.stop();
  output.fd.reset();
  return false;
}

Result<void> Session::resize(WindowSize size) {
  if (!is_terminal_) return error(Code::Conflict, "session {} has no terminal", id_);
  return kernel::set_window_size(outputs_[0].fd.get(), size.rows, size.columns);
}

Result<void> Session::signal(int number) {
  if (!is_live()) return error(Code::NotFound, "the process of session {} has ended", id_);
  return kernel::send_signal(pidfd_.get(), number);
}

Result<std::size_t> Session::write_stdin(std::string_view bytes) {
  if (!stdin_) return error(Code::Conflict, "standard input of session {} is not open", id_);
  const ssize_t n = ::write(stdin_.get(), bytes.data(), bytes.size());
  if (n < 0 && errno != EAGAIN && errno != EINTR) {
    Error failure = sys_error("write to standard input of session {}", id_);
    drop_stdin();
    return failure;
  }
  const std::size_t taken = n < 0 ? 0 : static_cast<std::size_t>(n);
  if (taken < bytes.size() && !stdin_watch_.is_started()) TRY(stdin_watch_.start(stdin_.get(), EPOLLOUT));
  return taken;
}

Result<void> Session::close_stdin() {
  if (is_terminal_)
    return error(Code::Conflict, "a terminal's input has no end; send its end-of-file character");
  drop_stdin();
  return {};
}

void Session::drop_stdin() {
  stdin_watch_.stop();
  stdin_.reset();
  shim_.on_stdin_ready();  // those who wait learn that it is closed
}

void Session::on_stdin_ready() {
  stdin_watch_.stop();
  shim_.on_stdin_ready();
}

std::string Session::read_stderr() {
  char text[1024];
  const ssize_t n = outputs_[1].fd ? ::read(outputs_[1].fd.get(), text, sizeof text) : 0;
  return n > 0 ? std::string(text, static_cast<std::size_t>(n)) : std::string();
}

}  // namespace gantry::shim
