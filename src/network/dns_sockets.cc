// SPDX-License-Identifier: Apache-2.0
#include "network/dns_sockets.h"
#include "network/would_block.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "base/byte_stream.h"

namespace gantry::network {
namespace {

using std::chrono::milliseconds;

constexpr int kQueriesPerTurn = 32;           // then the other sandboxes are looked after
constexpr std::size_t kMostConnections = 64;  // of a sandbox
constexpr std::size_t kMostUnsent = 256 << 10;
constexpr milliseconds kIdle(10'000);  // a connection on which nothing happens is closed
constexpr milliseconds kRetry(100);

}  // namespace

// ---- UDP

DnsUdpSocket::DnsUdpSocket(EventLoop& loop, DnsHandler& handler, UniqueFd socket)
    : handler_(handler),
      socket_(std::move(socket)),
      watch_(loop, Callback::to<&DnsUdpSocket::on_ready>(*this)) {}

void DnsUdpSocket::on_ready() {
  const auto self = shared_from_this();
  std::array<std::byte, kMostUdpAnswer> buffer;
  for (int i = 0; i < kQueriesPerTurn; ++i) {
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    const ssize_t n =
        ::recvfrom(socket_.get(), buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&peer), &size);
    if (n < 0) return;  // no more, or the news that an answer did not arrive
    const auto message = std::span(buffer).first(static_cast<std::size_t>(n));
    if (const auto answer = handler_.answer(message, DnsTransport::Udp, self, peer)) reply(peer, *answer);
  }
}

void DnsUdpSocket::reply(const sockaddr_in& to, std::string_view message) {
  // UDP may lose it anyway; whoever asked will ask again.
  (void)::sendto(socket_.get(), message.data(), message.size(), MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&to), sizeof to);
}

// ---- TCP: each message has its length in front (RFC 1035 section 4.2.2)

class DnsTcpListener::Connection final : public DnsClient, public std::enable_shared_from_this<Connection> {
 public:
  Connection(DnsTcpListener& listener, UniqueFd socket)
      : listener_(listener),
        socket_(std::move(socket)),
        watch_(listener.loop_, Callback::to<&Connection::on_ready>(*this)),
        idle_(listener.loop_, Callback::to<&Connection::close>(*this)) {}

  Result<void> open() {
    idle_.start(kIdle);
    return watch_.start(socket_.get(), EPOLLIN);
  }

  void reply(const sockaddr_in&, std::string_view message) override {
    outgoing_ += static_cast<char>(message.size() >> 8);
    outgoing_ += static_cast<char>(message.size());
    outgoing_ += message;
    --unanswered_;
    // Closed by the loop, not below whoever replies.
    if (!send() || is_done()) idle_.start(milliseconds(0));
  }

 private:
  void close() { listener_.remove(*this); }  // ends this object

  void on_ready(std::uint32_t events) {
    const auto self = shared_from_this();
    idle_.start(kIdle);
    const bool is_lost = (events & (EPOLLHUP | EPOLLERR)) != 0;
    if (is_lost || !send() || ((events & EPOLLIN) != 0 && !receive()) || is_done()) close();
  }

  // Half a connection is left, and nothing that would be said there.
  bool is_done() const { return has_ended_ && unanswered_ == 0 && outgoing_.empty(); }

  // False: the connection is of no more use.
  bool send() {
    while (!outgoing_.empty()) {
      const ssize_t n = ::send(socket_.get(), outgoing_.data(), outgoing_.size(), MSG_NOSIGNAL);
      if (n < 0 && !would_block()) return false;
      if (n < 0) break;
      outgoing_.erase(0, static_cast<std::size_t>(n));
    }
    wait();
    return true;
  }

  bool receive() {
    std::array<std::byte, 4096> buffer;
    const ssize_t n = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (n < 0) return would_block();
    has_ended_ = n == 0;
    incoming_ += text_of(std::span(buffer).first(static_cast<std::size_t>(n)));
    answer_complete_queries();
    wait();
    return true;
  }

  void answer_complete_queries() {
    std::size_t at = 0;
    while (incoming_.size() - at >= 2) {
      const std::size_t size = static_cast<std::size_t>(static_cast<std::uint8_t>(incoming_[at])) << 8 |
                               static_cast<std::uint8_t>(incoming_[at + 1]);
      if (incoming_.size() - at - 2 < size) break;
      const auto message = bytes_of(std::string_view(incoming_).substr(at + 2, size));
      at += 2 + size;
      ++unanswered_;
      if (const auto answer = listener_.handler_.answer(message, DnsTransport::Tcp, shared_from_this(), {}))
        reply({}, *answer);
    }
    incoming_.erase(0, at);
  }

  // Who does not take its answers is not asked for further questions.
  void wait() {
    if (!watch_.is_started()) return;
    const bool reads = !has_ended_ && outgoing_.size() < kMostUnsent;
    watch_.wait_for((reads ? EPOLLIN : 0U) | (outgoing_.empty() ? 0U : EPOLLOUT));
  }

  DnsTcpListener& listener_;
  std::string incoming_, outgoing_;
  bool has_ended_ = false;  // the peer says nothing more
  std::size_t unanswered_ =
      0;  // what is no query is never answered, and keeps the connection until it is idle
  UniqueFd socket_;
  Watch watch_;  // after socket_
  Timer idle_;
};

DnsTcpListener::DnsTcpListener(EventLoop& loop, DnsHandler& handler, UniqueFd socket)
    : loop_(loop),
      handler_(handler),
      socket_(std::move(socket)),
      watch_(loop, Callback::to<&DnsTcpListener::on_ready>(*this)),
      retry_(loop, Callback::to<&DnsTcpListener::on_ready>(*this)) {}

DnsTcpListener::~DnsTcpListener() = default;

void DnsTcpListener::on_ready() {
  UniqueFd socket(::accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (socket) {
    add(std::move(socket));
  } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
    // The connection stays where it is, and the watch would call without end.
    watch_.stop();
    retry_.start(kRetry);
    return;
  }
  if (!watch_.is_started() && !open()) retry_.start(kRetry);
}

void DnsTcpListener::add(UniqueFd socket) {
  if (connections_.size() >= kMostConnections) return;
  const auto& connection = connections_.emplace_back(std::make_shared<Connection>(*this, std::move(socket)));
  if (!connection->open()) connections_.pop_back();
}

void DnsTcpListener::remove(const Connection& connection) {
  std::erase_if(connections_, [&](const auto& other) { return other.get() == &connection; });
}

}  // namespace gantry::network
