// SPDX-License-Identifier: Apache-2.0
//
// Where a socket is or goes: IPv4, IPv6 or unix(7).
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "base/error.h"

namespace gantry::http {

struct SocketAddress {
  // A numeric address.
  static Result<SocketAddress> of_ip(const std::string& address, std::uint16_t port);
  // A path of at most 107 bytes: the kernel's limit.
  static Result<SocketAddress> of_unix(const std::string& path);
  // Where the socket itself is.
  static Result<SocketAddress> of_socket(int socket);

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
  std::uint16_t port() const;  // 0 for unix sockets
  // "192.0.2.1:80", "[2001:db8::1]:80", "unix:/path", or "unix" without a path. IPv4 that came over an IPv6
  // socket is shown as what it is.
  std::string str() const;

  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
};

}  // namespace gantry::http
