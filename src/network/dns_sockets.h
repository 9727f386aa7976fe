// SPDX-License-Identifier: Apache-2.0
//
// Where a sandbox's queries arrive: a UDP socket and a TCP listener with its connections, on one event loop.
// Whoever asks can do harm only to itself: what is open and what waits is bounded.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/error.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "network/dns_forwarder.h"

namespace gantry::network {

enum class DnsTransport : std::uint8_t { Udp, Tcp };

struct DnsHandler {
  // The answer; nothing: there is none, or it comes later, through client->reply(peer, ...).
  virtual std::optional<std::string> answer(std::span<const std::byte> message, DnsTransport transport,
                                            const std::shared_ptr<DnsClient>& client,
                                            const sockaddr_in& peer) = 0;

 protected:
  ~DnsHandler() = default;
};

// Made as a shared_ptr, so that answers that come after its end know it.
class DnsUdpSocket final : public DnsClient, public std::enable_shared_from_this<DnsUdpSocket> {
 public:
  DnsUdpSocket(EventLoop& loop, DnsHandler& handler, UniqueFd socket);
  Result<void> open() { return watch_.start(socket_.get(), EPOLLIN); }
  void reply(const sockaddr_in& to, std::string_view message) override;

 private:
  void on_ready();

  DnsHandler& handler_;
  UniqueFd socket_;
  Watch watch_;  // after socket_
};

class DnsTcpListener {
 public:
  DnsTcpListener(EventLoop& loop, DnsHandler& handler, UniqueFd socket);
  ~DnsTcpListener();
  Result<void> open() { return watch_.start(socket_.get(), EPOLLIN); }

 private:
  class Connection;

  void on_ready();
  void add(UniqueFd socket);
  void remove(const Connection& connection);

  EventLoop& loop_;
  DnsHandler& handler_;
  UniqueFd socket_;
  std::list<std::shared_ptr<Connection>> connections_;
  Watch watch_;  // after socket_
  Timer retry_;  // when there were no descriptors left
};

}  // namespace gantry::network
