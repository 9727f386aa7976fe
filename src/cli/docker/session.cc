// SPDX-License-Identifier: Apache-2.0
#include "cli/docker/session.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "base/byte_stream.h"
#include "cli/docker/frames.h"

namespace gantry::cli::docker {
namespace {

constexpr std::array kPassedOn = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGCONT};
constexpr std::size_t kBuffer = 64 << 10;

Result<UniqueFd> catch_signals(const SessionOptions& options) {
  sigset_t set;
  ::sigemptyset(&set);
  if (options.on_signal)
    for (const int signal : kPassedOn) ::sigaddset(&set, signal);
  if (options.on_resize) ::sigaddset(&set, SIGWINCH);
  if (::sigprocmask(SIG_BLOCK, &set, nullptr) < 0) return sys_error("block signals");
  UniqueFd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return sys_error("make signal descriptor");
  return fd;
}

short events_for(http::Stream::Wants wants) {
  switch (wants) {
    case http::Stream::Wants::Nothing: return 0;
    case http::Stream::Wants::Reading: return POLLIN;
    case http::Stream::Wants::Writing: return POLLOUT;
  }
  return 0;
}

}  // namespace

// Where one run stands.
struct Session::Streams {
  explicit Streams(http::Stream connection, bool has_frames)
      : stream(std::move(connection)), splitter(has_frames, out, err) {}

  http::Stream stream;
  FdSink out{STDOUT_FILENO, "standard output"}, err{STDERR_FILENO, "standard error"};
  FrameSplitter splitter;
  std::string unsent;
  http::Stream::Wants reading_wants = http::Stream::Wants::Reading;
  http::Stream::Wants writing_wants = http::Stream::Wants::Nothing;
  bool input_is_open = false;
  bool is_detached = false;
  bool is_closed = false;
};

Result<Session> Session::prepare(SessionOptions options) {
  std::optional<RawMode> raw;
  if (options.tty && options.has_input && is_terminal(STDIN_FILENO))
    raw.emplace(TRY(RawMode::enter(STDIN_FILENO)));
  UniqueFd signals = TRY(catch_signals(options));
  return Session(std::move(options), std::move(signals), std::move(raw));
}

Result<void> Session::read_input(Streams& streams) {
  std::array<char, kBuffer> buffer;
  const ssize_t n = ::read(STDIN_FILENO, buffer.data(), buffer.size());
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return {};
  // A terminal that has gone gives EIO, which is an end like any other.
  if (n <= 0) {
    streams.input_is_open = false;
    return streams.unsent.empty() ? streams.stream.shut_down_writing() : Result<void>();
  }
  const std::string_view typed(buffer.data(), static_cast<std::size_t>(n));
  if (!raw_) {
    streams.unsent = typed;
  } else {
    DetachKeys::Fed fed = options_.detach_keys.feed(typed);
    streams.unsent = std::move(fed.forward);
    streams.is_detached = fed.is_detached;
  }
  return send_input(streams);
}

Result<void> Session::send_input(Streams& streams) {
  if (streams.unsent.empty()) return {};
  const auto attempt = streams.stream.try_write(bytes_of(streams.unsent));
  if (!attempt) {
    // The process has closed its input; what it says may still be of interest.
    streams.input_is_open = false;
    streams.unsent.clear();
    streams.writing_wants = http::Stream::Wants::Nothing;
    return {};
  }
  streams.unsent.erase(0, attempt->bytes);
  using Wants = http::Stream::Wants;
  // Some of it may have gone without anything to wait for but the rest's turn.
  const Wants next = attempt->wants == Wants::Nothing ? Wants::Writing : attempt->wants;
  streams.writing_wants = streams.unsent.empty() ? Wants::Nothing : next;
  if (streams.unsent.empty() && !streams.input_is_open) return streams.stream.shut_down_writing();
  return {};
}

Result<void> Session::receive(Streams& streams) {
  std::array<std::byte, kBuffer> buffer;
  const auto attempt = TRY(streams.stream.try_read(buffer));
  streams.reading_wants = attempt.wants;
  streams.is_closed = attempt.bytes == 0 && attempt.wants == http::Stream::Wants::Nothing;
  if (attempt.bytes > 0) streams.reading_wants = http::Stream::Wants::Reading;
  return streams.splitter.write(std::span(buffer).first(attempt.bytes));
}

void Session::take_signal() {
  signalfd_siginfo info{};
  if (::read(signals_.get(), &info, sizeof info) != sizeof info) return;
  if (info.ssi_signo != SIGWINCH) return options_.on_signal(static_cast<int>(info.ssi_signo));
  if (const auto size = window_size(STDOUT_FILENO)) options_.on_resize(*size);
}

Result<SessionEnd> Session::run(http::Stream stream) {
  Streams streams(std::move(stream), !options_.tty);
  streams.input_is_open = options_.has_input;
  if (const auto size = window_size(STDOUT_FILENO); size && options_.on_resize) options_.on_resize(*size);
  while (!streams.is_closed && !streams.is_detached) {
    const bool may_read_input = streams.input_is_open && streams.unsent.empty();
    const short wanted =
        static_cast<short>(events_for(streams.reading_wants) | events_for(streams.writing_wants));
    std::array<pollfd, 3> fds = {{{.fd = streams.stream.fd(), .events = wanted},
                                  {.fd = signals_.get(), .events = POLLIN},
                                  {.fd = may_read_input ? STDIN_FILENO : -1, .events = POLLIN}}};
    const int timeout = streams.stream.has_buffered() ? 0 : -1;
    if (::poll(fds.data(), fds.size(), timeout) < 0 && errno != EINTR) return sys_error("wait for streams");
    if (fds[1].revents != 0) take_signal();
    if ((fds[0].revents & POLLOUT) != 0) TRY(send_input(streams));
    if (fds[2].revents != 0) TRY(read_input(streams));
    if ((fds[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0 || streams.stream.has_buffered())
      TRY(receive(streams));
  }
  return streams.is_detached ? SessionEnd::Detached : SessionEnd::Closed;
}

}  // namespace gantry::cli::docker
