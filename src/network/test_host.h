// SPDX-License-Identifier: Apache-2.0
//
// For tests of Networks: a host of their own in a network namespace, and TCP and UDP between places in it.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "kernel/network/ip_address.h"
#include "kernel/network/network_namespace.h"
#include "kernel/network/route_socket.h"
#include "network/networks.h"
#include "network/sandbox.h"
#include "testing/child.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::network {

struct TestHost {
  TestHost() {
    kernel::RouteBatch batch;
    batch.set_up("lo");
    auto host = MUST(kernel::RouteSocket::open());
    MUST(host.run(batch));
    start();
  }
  ~TestHost() {
    for (const std::string& key : keys) (void)networks->remove_sandbox(key);
  }
  NetworksOptions options() {
    return {.root = dir / "root", .run = dir / "run", .log = &log, .bridge = "gantry0"};
  }
  void start() { networks = MUST(Networks::open(options())); }
  // As after kill -9: nothing is put in order.
  void restart(std::vector<std::string> live) {
    networks.reset();
    start();
    MUST(networks->reconcile(live));
  }
  std::string sandbox(const std::string& key) {
    keys.push_back(key);
    return MUST(networks->make_sandbox(key));
  }
  // A sandbox with one endpoint.
  EndpointSettings container(const std::string& key, const std::string& network,
                             EndpointSettings wanted = {}) {
    sandbox(key);
    return MUST(networks->connect(key, network, {.wanted = std::move(wanted), .container_name = key}));
  }
  std::string path(const std::string& key) const { return networks->sandbox_path(key); }

  testing::TempDir dir;
  Logger log{STDERR_FILENO, {.level = LogLevel::Error}};
  std::unique_ptr<Networks> networks;
  std::vector<std::string> keys;
};

// Runs `work` in the namespace at `path`; empty: here.
template <class Work>
Result<void> at(const std::string& path, Work work) {
  if (path.empty()) return work();
  const UniqueFd ns = MUST(open_sandbox_namespace(path));
  return kernel::run_in_network_namespace(ns.get(), work);
}

struct Address {
  Address(const std::string& text, std::uint16_t port) {
    const auto ip = kernel::IpAddress::parse(text).value();
    if (ip.is_v4()) {
      auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
      v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
      std::memcpy(&v4.sin_addr, ip.bytes().data(), 4);
      size = sizeof v4;
    } else {
      auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
      v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
      std::memcpy(&v6.sin6_addr, ip.bytes().data(), 16);
      size = sizeof v6;
    }
  }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr_storage storage{};
  socklen_t size = 0;
};

inline std::string text_of(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = {};
  const void* bytes = address.ss_family == AF_INET
                          ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in&>(address).sin_addr)
                          : &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
  ::inet_ntop(address.ss_family, bytes, text, sizeof text);
  return text;
}

// A listener (TCP; SCTP) or bound socket (UDP) in the namespace at `path`.
inline UniqueFd serve(const std::string& path, const std::string& address, std::uint16_t port,
                      int type = SOCK_STREAM, int protocol = 0) {
  UniqueFd fd;
  MUST(at(path, [&]() -> Result<void> {
    const Address to(address, port);
    fd.reset(::socket(to.storage.ss_family, type | SOCK_CLOEXEC, protocol));
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(fd.get(), to.get(), to.size) < 0) return sys_error("bind {}:{}", address, port);
    if (type == SOCK_STREAM && ::listen(fd.get(), 16) < 0) return sys_error("listen");
    return {};
  }));
  return fd;
}

constexpr int kPatienceMs = 20'000;
constexpr int kNothingComesMs = 250;

// The address that the server sees of a client at `path` that connects to `address`; empty: it does not get
// there within `patience`.
inline std::string reach(const UniqueFd& server, const std::string& path, const std::string& address,
                         std::uint16_t port, int patience = kPatienceMs, int protocol = 0) {
  UniqueFd client;
  const bool sent =
      at(path, [&]() -> Result<void> {
        const Address to(address, port);
        client.reset(::socket(to.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
        if (::connect(client.get(), to.get(), to.size) < 0 && errno != EINPROGRESS)
          return sys_error("connect to {}:{}", address, port);
        return {};
      }).has_value();
  pollfd waiting{.fd = server.get(), .events = POLLIN};
  if (!sent || ::poll(&waiting, 1, patience) != 1) return {};
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  const UniqueFd accepted(::accept(server.get(), reinterpret_cast<sockaddr*>(&peer), &size));
  // The way back works too.
  pollfd connected{.fd = client.get(), .events = POLLOUT};
  if (::poll(&connected, 1, kPatienceMs) != 1) return "the client was not answered";
  int failure = 0;
  socklen_t failure_size = sizeof failure;
  ::getsockopt(client.get(), SOL_SOCKET, SO_ERROR, &failure, &failure_size);
  return failure == 0 ? text_of(peer) : std::strerror(failure);
}

// Waits as long as a slow machine takes.
template <class Condition>
bool comes_true(Condition condition) {
  for (int i = 0; i < kPatienceMs / 20; ++i) {
    if (condition()) return true;
    ::usleep(20'000);
  }
  return false;
}

// The same with datagrams, there and back; one that is lost on the way is sent again.
inline std::string reach_udp(const UniqueFd& server, const std::string& path, const std::string& address,
                             std::uint16_t port) {
  UniqueFd client;
  MUST(at(path, [&]() -> Result<void> {
    const Address to(address, port);
    client.reset(::socket(to.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (::connect(client.get(), to.get(), to.size) < 0) return sys_error("connect to {}:{}", address, port);
    return {};
  }));
  char data[16];
  while (::recv(server.get(), data, sizeof data, MSG_DONTWAIT) >= 0) {
    // Sent twice by who was there before.
  }
  pollfd waiting{.fd = server.get(), .events = POLLIN};
  const bool has_come = comes_true(
      [&] { return ::send(client.get(), "ping", 4, 0) == 4 && ::poll(&waiting, 1, kNothingComesMs) == 1; });
  if (!has_come) return {};
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  (void)::recvfrom(server.get(), data, sizeof data, 0, reinterpret_cast<sockaddr*>(&peer), &size);
  (void)::sendto(server.get(), "pong", 4, 0, reinterpret_cast<const sockaddr*>(&peer), size);
  pollfd answered{.fd = client.get(), .events = POLLIN};
  return ::poll(&answered, 1, kPatienceMs) == 1 ? text_of(peer) : "the client was not answered";
}

// A machine beside the host, "10.9.0.2", on a link whose near end has "10.9.0.1"; also fd09::2 and fd09::1.
struct Neighbour {
  explicit Neighbour(TestHost& host) : path(host.dir / "neighbour") {
    const UniqueFd ns = MUST(kernel::make_network_namespace(path, -1, [] { return Result<void>(); }));
    auto routes = MUST(kernel::RouteSocket::open());
    kernel::RouteBatch link;
    link.add_veth({.name = "uplink",
                   .peer_name = "uplink",
                   .peer_namespace = ns.get(),
                   .peer_mac = {2, 0, 0, 0, 9, 2}});
    MUST(routes.run(link));
    set_up("10.9.0.1/24", "fd09::1/64");
    MUST(kernel::run_in_network_namespace(ns.get(), [&] {
      set_up("10.9.0.2/24", "fd09::2/64");
      return Result<void>();
    }));
  }
  ~Neighbour() { (void)kernel::remove_network_namespace(path); }
  // Knows that those addresses are behind the host.
  void add_route(const std::string& prefix, const std::string& gateway) const {
    MUST(at(path, [&]() -> Result<void> {
      auto routes = TRY(kernel::RouteSocket::open());
      kernel::RouteBatch batch;
      batch.add_route({.destination = kernel::IpPrefix::parse(prefix).value(),
                       .gateway = kernel::IpAddress::parse(gateway)});
      return routes.run(batch);
    }));
  }
  const std::string path;

 private:
  static void set_up(const std::string& v4, const std::string& v6) {
    auto routes = MUST(kernel::RouteSocket::open());
    const unsigned index = MUST(routes.find_link("uplink"))->index;
    kernel::RouteBatch batch;
    batch.set_up("uplink");
    batch.add_address(index, kernel::IpPrefix::parse(v4).value());
    batch.add_address(index, kernel::IpPrefix::parse(v6).value());
    MUST(routes.run(batch));
  }
};

}  // namespace gantry::network

// A test with a host of its own.
#define IN_OWN_HOST(...)    \
  NEEDS_ROOT();             \
  NEEDS_THREADS_IN_CHILD(); \
  ::gantry::testing::in_namespaces(CLONE_NEWNET | CLONE_NEWNS, [] __VA_ARGS__)
