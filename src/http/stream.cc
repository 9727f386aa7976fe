// SPDX-License-Identifier: Apache-2.0
#include "http/stream.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <utility>

#include "http/tls_session.h"

namespace gantry::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// One TLS record at most, so that a write costs no more packets than it has to.
constexpr std::size_t kTlsRecord = 16 << 10;

constexpr std::size_t kMaxPieces = 8;
constexpr std::chrono::hours kMostPatience{1};  // however fast the peer was before

bool would_block(int errno_value) { return errno_value == EAGAIN || errno_value == EINTR; }

// What is left of `pieces` after the first `bytes`; changes the piece that it stops in.
std::span<std::string_view> skip(std::span<std::string_view> pieces, std::size_t bytes) {
  while (!pieces.empty() && bytes >= pieces.front().size()) {
    bytes -= pieces.front().size();
    pieces = pieces.subspan(1);
  }
  if (!pieces.empty()) pieces.front().remove_prefix(bytes);
  return pieces;
}

}  // namespace

Stream::Stream(UniqueFd socket) : socket_(std::move(socket)) {}
Stream::Stream(Stream&&) noexcept = default;

Stream& Stream::operator=(Stream&& other) noexcept {
  if (tls_) tls_->close_notify();
  tls_ = std::move(other.tls_);  // before the socket that it used
  socket_ = std::move(other.socket_);
  unread_ = std::move(other.unread_);
  timeout_ = other.timeout_;
  deadline_ = other.deadline_;
  least_rate_ = other.least_rate_;
  patience_left_ = other.patience_left_;
  return *this;
}

Stream::~Stream() {
  if (tls_) tls_->close_notify();
}

Result<Stream> Stream::over(UniqueFd socket) {
  const int flags = ::fcntl(socket.get(), F_GETFL);
  if (flags < 0) return sys_error("look at a socket");
  if ((flags & O_NONBLOCK) == 0 && ::fcntl(socket.get(), F_SETFL, flags | O_NONBLOCK) < 0)
    return sys_error("make a socket non-blocking");
  return Stream(std::move(socket));
}

void Stream::set_least_rate(milliseconds grace, std::uint64_t bytes_per_second) {
  least_rate_ = bytes_per_second;
  patience_left_ = grace;
}

void Stream::earn_patience(std::uint64_t bytes) {
  if (least_rate_ == 0) return;
  const std::chrono::nanoseconds earned(bytes * 1'000'000'000 / least_rate_);
  patience_left_ = std::min<std::chrono::nanoseconds>(patience_left_ + earned, kMostPatience);
}

Result<void> Stream::wait_until(Wants wants) {
  if (wants == Wants::Nothing) return {};
  const Time began = steady_clock::now();
  std::optional<Time> end = deadline_;
  const auto end_by = [&](Time other) { end = end ? std::min(*end, other) : other; };
  if (timeout_) end_by(began + *timeout_);
  if (least_rate_ != 0) end_by(began + patience_left_);
  pollfd waited{.fd = socket_.get(),
                .events = static_cast<short>(wants == Wants::Reading ? POLLIN : POLLOUT)};
  for (;;) {
    int left = -1;
    if (end) {
      const auto exact = std::chrono::ceil<milliseconds>(*end - steady_clock::now()).count();
      left = static_cast<int>(std::clamp<decltype(exact)>(exact, 0, std::numeric_limits<int>::max()));
    }
    const int ready = ::poll(&waited, 1, left);
    if (ready > 0) {
      if (least_rate_ != 0) patience_left_ -= steady_clock::now() - began;
      return {};
    }
    if (ready < 0 && errno != EINTR) return sys_error("wait for the peer");
    if (ready == 0)
      return error(Code::TimedOut, "the peer {} nothing in time", wants == Wants::Reading ? "sent" : "took");
  }
}

Result<Stream::Attempt> Stream::try_read(std::span<std::byte> into) {
  if (!unread_.empty()) {
    const std::size_t bytes = std::min(into.size(), unread_.size());
    std::memcpy(into.data(), unread_.data(), bytes);
    unread_.erase(0, bytes);
    if (unread_.empty()) unread_.shrink_to_fit();
    return Attempt{.bytes = bytes};
  }
  if (tls_) return tls_->try_read(into);
  const ssize_t received = ::recv(socket_.get(), into.data(), into.size(), 0);
  if (received >= 0) return Attempt{.bytes = static_cast<std::size_t>(received)};
  if (would_block(errno)) return Attempt{.wants = Wants::Reading};
  return sys_error("read from the peer");
}

Result<Stream::Attempt> Stream::try_write(std::span<const std::byte> from) {
  if (tls_) return tls_->try_write(text_of(from));
  const ssize_t sent = ::send(socket_.get(), from.data(), from.size(), MSG_NOSIGNAL);
  if (sent >= 0) return Attempt{.bytes = static_cast<std::size_t>(sent)};
  if (would_block(errno)) return Attempt{.wants = Wants::Writing};
  return sys_error("write to the peer");
}

bool Stream::has_buffered() const { return !unread_.empty() || (tls_ && tls_->has_buffered()); }

Result<std::size_t> Stream::read(std::span<std::byte> into) {
  for (;;) {
    const Attempt attempt = TRY(try_read(into));
    earn_patience(attempt.bytes);
    if (attempt.wants == Wants::Nothing) return attempt.bytes;
    TRY(wait_until(attempt.wants));
  }
}

Result<void> Stream::write(std::span<const std::byte> from) {
  const std::string_view piece = text_of(from);
  return write(std::span(&piece, 1));
}

// As much of the beginning of `pieces` as goes in one step, at least a byte.
Result<std::size_t> Stream::write_some(std::span<const std::string_view> pieces, bool more_follows) {
  if (tls_) {
    // Small pieces share a record. A large one is written where it lies.
    char record[kTlsRecord];
    std::string_view next = pieces.front();
    if (next.size() < sizeof record && pieces.size() > 1) {
      std::size_t filled = 0;
      for (const std::string_view piece : pieces) {
        const std::size_t bytes = std::min(piece.size(), sizeof record - filled);
        std::memcpy(record + filled, piece.data(), bytes);
        filled += bytes;
      }
      next = {record, filled};
    }
    for (;;) {
      const Attempt attempt = TRY(tls_->try_write(next));
      if (attempt.wants == Wants::Nothing) return attempt.bytes;
      TRY(wait_until(attempt.wants));
    }
  }
  iovec vectors[kMaxPieces];
  const std::size_t count = pieces.size();
  for (std::size_t i = 0; i < count; ++i)
    vectors[i] = {.iov_base = const_cast<char*>(pieces[i].data()), .iov_len = pieces[i].size()};
  const msghdr message{.msg_iov = vectors, .msg_iovlen = count};
  const int flags = MSG_NOSIGNAL | (more_follows ? MSG_MORE : 0);
  for (;;) {
    const ssize_t sent = ::sendmsg(socket_.get(), &message, flags);
    if (sent >= 0) return static_cast<std::size_t>(sent);
    if (!would_block(errno)) return sys_error("write to the peer");
    TRY(wait_until(Wants::Writing));
  }
}

Result<void> Stream::write(std::span<const std::string_view> pieces, bool more_follows) {
  std::string_view copy[kMaxPieces];
  if (pieces.size() > kMaxPieces) std::abort();  // nobody needs as many: a head, and a chunk in its frame
  std::ranges::copy(pieces, copy);
  std::span<std::string_view> left = skip(std::span(copy, pieces.size()), 0);
  while (!left.empty()) {
    const std::size_t written = TRY(write_some(left, more_follows));
    earn_patience(written);
    left = skip(left, written);
  }
  return {};
}

Result<void> Stream::write_file(int file, std::uint64_t offset, std::uint64_t length) {
  if (tls_) {
    const auto buffer = std::make_unique_for_overwrite<char[]>(4 * kTlsRecord);
    while (length > 0) {
      const ssize_t got = ::pread(file, buffer.get(), std::min<std::uint64_t>(length, 4 * kTlsRecord),
                                  static_cast<off_t>(offset));
      if (got < 0) return sys_error("read the file to send");
      if (got == 0) return error(Code::DataLoss, "the file to send is {} bytes shorter than it was", length);
      const std::string_view piece(buffer.get(), static_cast<std::size_t>(got));
      TRY(write(std::span(&piece, 1)));
      offset += piece.size();
      length -= piece.size();
    }
    return {};
  }
  constexpr std::uint64_t kMost = 1 << 30;  // sendfile(2) moves at most 2 GiB at once
  auto position = static_cast<off_t>(offset);
  while (length > 0) {
    const ssize_t sent = ::sendfile(socket_.get(), file, &position, std::min(length, kMost));
    if (sent == 0) return error(Code::DataLoss, "the file to send is {} bytes shorter than it was", length);
    if (sent > 0) {
      earn_patience(static_cast<std::uint64_t>(sent));
      length -= static_cast<std::uint64_t>(sent);
    } else if (would_block(errno)) {
      TRY(wait_until(Wants::Writing));
    } else {
      return sys_error("send a file to the peer");
    }
  }
  return {};
}

Result<void> Stream::shut_down_writing() {
  if (tls_) tls_->close_notify();
  if (::shutdown(socket_.get(), SHUT_WR) < 0) return sys_error("end the stream to the peer");
  return {};
}

void Stream::keep_alive() {
  const int yes = 1, idle = 60, between = 15, probes = 4;                // seconds, seconds, times
  (void)::setsockopt(fd(), SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);  // on a unix socket: no need
  (void)::setsockopt(fd(), IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  (void)::setsockopt(fd(), IPPROTO_TCP, TCP_KEEPINTVL, &between, sizeof between);
  (void)::setsockopt(fd(), IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

void Stream::abort() {
  constexpr linger kReset{.l_onoff = 1, .l_linger = 0};
  (void)::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &kReset, sizeof kReset);  // unix sockets have none
  if (tls_) tls_->forgo_goodbye();
}

Result<void> Stream::start_tls(const TlsContext& context, const std::string& host) {
  tls_ = TRY(TlsSession::connect(context, socket_.get(), host, std::move(tls_)));
  for (;;) {
    const Wants wants = TRY(tls_->try_handshake());
    if (wants == Wants::Nothing) return {};
    TRY(wait_until(wants));
  }
}

Result<void> Stream::accept_tls(const TlsContext& context) {
  tls_ = TRY(TlsSession::accept(context, socket_.get()));
  return {};
}

Result<Stream::Wants> Stream::try_handshake() {
  if (!tls_) return Wants::Nothing;
  return tls_->try_handshake();
}

std::shared_ptr<const PeerCertificate> Stream::peer_certificate() const {
  return tls_ ? tls_->peer_certificate() : nullptr;
}
std::string_view Stream::chosen_protocol() const {
  return tls_ ? tls_->chosen_protocol() : std::string_view();
}

}  // namespace gantry::http
