// SPDX-License-Identifier: Apache-2.0
#include "http/connect.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/printable.h"
#include "http/socket_address.h"

namespace gantry::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kNextAttempt{250};  // RFC 8305 section 8: "Connection Attempt Delay"

Result<std::vector<SocketAddress>> look_up(const std::string& host, std::uint16_t port) {
  const addrinfo hints{.ai_flags = AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), fmt::format("{}", port).c_str(), &hints, &found);
  if (failed == EAI_SYSTEM) return sys_error("look up host '{}'", printable(host));
  if (failed == EAI_NONAME || failed == EAI_NODATA)
    return error(Code::NotFound, "no such host '{}'", printable(host));
  if (failed != 0)
    return error(Code::Unavailable, "look up host '{}': {}", printable(host), ::gai_strerror(failed));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, &::freeaddrinfo);
  std::vector<SocketAddress> addresses;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    SocketAddress& address = addresses.emplace_back();
    std::memcpy(&address.storage, one->ai_addr, one->ai_addrlen);
    address.size = one->ai_addrlen;
  }
  return addresses;
}

// Attempts to reach one host, at several of its addresses at once.
class Race {
 public:
  Race(const std::vector<SocketAddress>& addresses, Stream::Time deadline)
      : addresses_(addresses), deadline_(deadline) {}

  Result<UniqueFd> run() {
    while (next_ < addresses_.size() || !attempts_.empty()) {
      const Stream::Time now = steady_clock::now();
      if (now >= deadline_)
        return error(Code::TimedOut, "connect to {}: no answer in time", addresses_.back().str());
      if (next_ < addresses_.size() && (attempts_.empty() || now >= next_start_)) {
        if (UniqueFd connected = start_next()) return connected;
        continue;
      }
      if (UniqueFd connected =
              TRY(wait(next_ < addresses_.size() ? std::min(next_start_, deadline_) : deadline_)))
        return connected;
    }
    return *std::move(last_error_);
  }

 private:
  struct Attempt {
    UniqueFd socket;
    const SocketAddress* address;
  };

  UniqueFd start_next() {
    const SocketAddress& address = addresses_[next_++];
    next_start_ = steady_clock::now() + kNextAttempt;
    UniqueFd socket(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) {
      last_error_ = sys_error("make a socket for {}", address.str());
    } else if (::connect(socket.get(), address.get(), address.size) == 0) {
      return socket;
    } else if (errno == EINPROGRESS) {
      attempts_.push_back({std::move(socket), &address});
    } else {
      last_error_ = sys_error("connect to {}", address.str()).with_code(Code::Unavailable);
    }
    return {};
  }

  Result<UniqueFd> wait(Stream::Time until) {
    std::vector<pollfd> polled;
    for (const Attempt& attempt : attempts_)
      polled.push_back({.fd = attempt.socket.get(), .events = POLLOUT});
    const auto left = std::chrono::ceil<milliseconds>(until - steady_clock::now()).count();
    const int ready =
        ::poll(polled.data(), polled.size(), static_cast<int>(std::clamp<long>(left, 0, 1 << 30)));
    if (ready < 0 && errno != EINTR) return sys_error("wait for a connection");
    if (ready <= 0) return UniqueFd();
    for (std::size_t i = polled.size(); i-- > 0;) {
      if (polled[i].revents == 0) continue;
      Attempt attempt = std::move(attempts_[i]);
      attempts_.erase(attempts_.begin() + static_cast<std::ptrdiff_t>(i));
      int failed = 0;
      socklen_t size = sizeof failed;
      (void)::getsockopt(attempt.socket.get(), SOL_SOCKET, SO_ERROR, &failed, &size);  // of our own socket
      if (failed == 0) return std::move(attempt.socket);
      last_error_ =
          sys_error_of(failed, "connect to {}", attempt.address->str()).with_code(Code::Unavailable);
    }
    return UniqueFd();
  }

  const std::vector<SocketAddress>& addresses_;
  const Stream::Time deadline_;
  std::size_t next_ = 0;
  Stream::Time next_start_;
  std::vector<Attempt> attempts_;
  std::optional<Error> last_error_;
};

}  // namespace

Result<Stream> connect_tcp(const std::string& host, std::uint16_t port, Stream::Time deadline) {
  const std::vector<SocketAddress> addresses = TRY(look_up(host, port));
  UniqueFd socket = TRY_DURING(Race(addresses, deadline).run(), "host '{}'", printable(host));
  const int yes = 1;
  (void)::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);  // slower without, not wrong
  // A peer that vanished is noticed at some time even where nothing else sets a limit.
  (void)::setsockopt(socket.get(), SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
  return Stream::over(std::move(socket));
}

Result<Stream> connect_unix(const std::string& path, Stream::Time deadline) {
  const SocketAddress address = TRY(SocketAddress::of_unix(path));
  // It blocks only while the listener's queue is full; non-blocking it would fail then. SO_SNDTIMEO limits
  // that.
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return sys_error("make a socket");
  const auto left =
      std::chrono::duration_cast<std::chrono::microseconds>(deadline - steady_clock::now()).count();
  const auto wait = std::max<decltype(left)>(left, 1);  // 0 would be for ever
  const timeval limit{.tv_sec = wait / 1'000'000, .tv_usec = wait % 1'000'000};
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0)
    return sys_error("limit a connect");
  if (::connect(socket.get(), address.get(), address.size) < 0) {
    if (errno == EAGAIN) return error(Code::TimedOut, "connect to '{}': its queue is full", path);
    return sys_error("connect to '{}'", path);
  }
  return Stream::over(std::move(socket));
}

}  // namespace gantry::http
