// SPDX-License-Identifier: Apache-2.0
#include "network/dns_upstream.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/byte_stream.h"
#include "network/namespace_sockets.h"
#include "network/would_block.h"

namespace gantry::network {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kPatience(200);      // with a server before the next one is asked too
constexpr milliseconds kAskAgain(1500);     // when all were asked: a packet may have been lost
constexpr milliseconds kGiveUp(5000);       // the C library's own patience
constexpr std::chrono::seconds kAvoid(30);  // a server that kept us waiting

std::uint16_t random_id() {
  std::uint16_t id = 0;
  // Cannot fail nor be short for so few bytes once the system has started (random(4)).
  (void)::getrandom(&id, sizeof id, 0);
  return id;
}

// Whether another server may know better.
bool is_refusal(ResponseCode code) {
  return code != ResponseCode::NoError && code != ResponseCode::NoSuchName;
}

}  // namespace

Result<std::shared_ptr<DnsServer>> DnsServer::make(const std::string& text, std::uint16_t port) {
  auto server = std::make_shared<DnsServer>();
  server->name = text;
  const std::size_t zone = text.find('%');
  in_addr ipv4;
  in6_addr ipv6;
  if (::inet_pton(AF_INET, text.c_str(), &ipv4) == 1) {
    const sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = ipv4};
    std::memcpy(&server->address, &address, sizeof address);
    server->address_size = sizeof address;
  } else if (::inet_pton(AF_INET6, text.substr(0, zone).c_str(), &ipv6) == 1) {
    sockaddr_in6 address{.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = ipv6};
    if (zone != std::string::npos) address.sin6_scope_id = ::if_nametoindex(text.c_str() + zone + 1);
    std::memcpy(&server->address, &address, sizeof address);
    server->address_size = sizeof address;
  } else {
    return error(Code::InvalidArgument, "'{}' is not the address of a name server", text);
  }
  return server;
}

// The question to one server: by UDP, and if its answer was cut, by TCP.
class DnsExchange::Attempt {
 public:
  Attempt(DnsExchange& exchange, std::shared_ptr<DnsServer> server)
      : exchange_(exchange),
        server_(std::move(server)),
        watch_(exchange.loop_, Callback::to<&Attempt::on_ready>(*this)) {}

  // Failing at once is told by the result only.
  Result<void> open(int type) {
    watch_.stop();
    is_tcp_ = type == SOCK_STREAM;
    id_ = random_id();
    outgoing_ = forwarded_query(exchange_.query_, id_);
    if (is_tcp_) put_length();
    socket_ = TRY(open_socket_in(exchange_.network_namespace_, server_->address.ss_family, type));
    const auto* address = reinterpret_cast<const sockaddr*>(&server_->address);
    if (::connect(socket_.get(), address, server_->address_size) < 0 && errno != EINPROGRESS)
      return sys_error("connect to name server {}", server_->name);
    TRY(watch_.start(socket_.get(), is_tcp_ ? EPOLLOUT : EPOLLIN));
    return is_tcp_ ? Result<void>() : send();
  }

  // A packet that may have been lost.
  void ask_again() {
    if (is_waiting() && !is_tcp_) (void)send();  // if it fails, the next event of the socket says so
  }

  void close() {
    watch_.stop();
    socket_.reset();
  }
  bool is_waiting() const { return static_cast<bool>(socket_); }
  DnsServer& server() { return *server_; }

 private:
  void put_length() {
    const auto size = static_cast<unsigned>(outgoing_.size());
    outgoing_.insert(0, {static_cast<char>(size >> 8), static_cast<char>(size)});
  }

  Result<void> send() {
    const ssize_t n = ::send(socket_.get(), outgoing_.data(), outgoing_.size(), MSG_NOSIGNAL);
    if (n < 0 && !would_block()) return sys_error("ask name server {}", server_->name);
    if (is_tcp_ && n > 0) outgoing_.erase(0, static_cast<std::size_t>(n));
    return {};
  }

  void on_ready() {
    if (is_tcp_ && !outgoing_.empty()) {
      if (!send()) return fail();
      if (!outgoing_.empty()) return;
      watch_.wait_for(EPOLLIN);
    }
    std::array<std::byte, 1 << 16> buffer;
    const ssize_t n = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (n < 0 && would_block()) return;
    if (n < 0 || (n == 0 && is_tcp_)) return fail();
    const auto received = std::span(buffer).first(static_cast<std::size_t>(n));
    if (is_tcp_)
      on_tcp_bytes(received);
    else
      on_message(received);
  }

  void on_tcp_bytes(std::span<const std::byte> bytes) {
    incoming_ += text_of(bytes);
    if (incoming_.size() < 2) return;
    const std::size_t size = static_cast<std::size_t>(static_cast<std::uint8_t>(incoming_[0])) << 8 |
                             static_cast<std::uint8_t>(incoming_[1]);
    if (incoming_.size() < 2 + size) return;
    const std::string message = incoming_.substr(2, size);
    incoming_.clear();
    on_message(bytes_of(message));
  }

  // What is not an answer to this question may be a forgery: the right one may still come.
  void on_message(std::span<const std::byte> bytes) {
    auto response = parse_response(bytes);
    if (!response || response->id != id_ || !response->question.is_same_as(exchange_.query_.question)) {
      if (is_tcp_) fail();
      return;
    }
    if (response->is_cut && !is_tcp_) {
      if (!open(SOCK_STREAM)) fail();
      return;
    }
    close();
    exchange_.on_message(*this, std::string(text_of(bytes)), *std::move(response));  // may end this object
  }

  void fail() {
    close();
    exchange_.on_failure(*this);  // may end this object
  }

  DnsExchange& exchange_;
  std::shared_ptr<DnsServer> server_;
  bool is_tcp_ = false;
  std::uint16_t id_ = 0;
  std::string outgoing_, incoming_;
  UniqueFd socket_;  // none: this attempt has failed
  Watch watch_;      // after socket_
};

DnsExchange::DnsExchange(EventLoop& loop, Owner& owner, const DnsServers& servers, int network_namespace,
                         const DnsQuery& query)
    : loop_(loop),
      owner_(owner),
      network_namespace_(network_namespace),
      query_(query),
      timer_(loop, Callback::to<&DnsExchange::on_timer>(*this)) {
  const auto now = steady_clock::now();
  for (const bool avoided : {false, true})
    for (const auto& server : servers)
      if ((server->avoid_until > now) == avoided) servers_.push_back(server);
}

DnsExchange::~DnsExchange() = default;

void DnsExchange::start() {
  deadline_ = steady_clock::now() + kGiveUp;
  ask_next();
  // From the timer, since the caller does not expect the outcome yet.
  if (is_hopeless()) timer_.start(milliseconds(0));
}

// Asks the next server that can be asked at all.
void DnsExchange::ask_next() {
  while (asked_ < servers_.size()) {
    attempts_.push_back(std::make_unique<Attempt>(*this, servers_[asked_++]));
    if (attempts_.back()->open(SOCK_DGRAM)) break;
    attempts_.back()->close();
  }
  timer_.start(asked_ < servers_.size() ? kPatience : kAskAgain);
}

void DnsExchange::on_timer() {
  if (is_hopeless() || steady_clock::now() >= deadline_) return finish(std::move(refusal_));
  if (asked_ < servers_.size()) return ask_next();
  for (const auto& attempt : attempts_) attempt->ask_again();
  timer_.start(kAskAgain);
}

void DnsExchange::on_failure(Attempt& attempt) {
  attempt.server().avoid_until = steady_clock::now() + kAvoid;
  go_on();
}

void DnsExchange::go_on() {
  if (asked_ < servers_.size()) ask_next();
  if (is_hopeless()) finish(std::move(refusal_));
}

void DnsExchange::on_message(Attempt& attempt, std::string message, DnsResponse response) {
  const bool refused = is_refusal(response.code);
  Outcome outcome{std::move(message), std::move(response)};
  if (refused) {
    refusal_ = std::move(outcome);
    return go_on();
  }
  avoid_those_before(attempt);
  finish(std::move(outcome));
}

// Servers that were asked before the one that has answered, and say nothing.
void DnsExchange::avoid_those_before(const Attempt& answered) {
  for (const auto& attempt : attempts_) {
    if (attempt.get() == &answered) return;
    if (attempt->is_waiting()) attempt->server().avoid_until = steady_clock::now() + kAvoid;
  }
}

bool DnsExchange::is_hopeless() const {
  return asked_ == servers_.size() &&
         std::ranges::none_of(attempts_, [](const auto& attempt) { return attempt->is_waiting(); });
}

void DnsExchange::finish(Outcome outcome) {
  timer_.stop();
  owner_.on_outcome(*this, std::move(outcome));  // may end this object
}

}  // namespace gantry::network
