// SPDX-License-Identifier: Apache-2.0
#include "http/socket_address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>

#include "base/printable.h"

namespace gantry::http {
namespace {

template <class Address>
Address as(const SocketAddress& address) {
  Address result;
  std::memcpy(&result, &address.storage, sizeof result);
  return result;
}

template <class Address>
SocketAddress made_of(const Address& address) {
  SocketAddress result;
  std::memcpy(&result.storage, &address, sizeof address);
  result.size = sizeof address;
  return result;
}

}  // namespace

Result<SocketAddress> SocketAddress::of_ip(const std::string& address, std::uint16_t port) {
  sockaddr_in v4{.sin_family = AF_INET, .sin_port = htons(port)};
  if (::inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1) return made_of(v4);
  sockaddr_in6 v6{.sin6_family = AF_INET6, .sin6_port = htons(port)};
  if (::inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) == 1) return made_of(v6);
  return error(Code::InvalidArgument, "'{}' is no IP address", printable(address));
}

Result<SocketAddress> SocketAddress::of_unix(const std::string& path) {
  sockaddr_un address{.sun_family = AF_UNIX};
  if (path.empty() || path.size() >= sizeof address.sun_path || path.contains('\0'))
    return error(Code::InvalidArgument, "'{}' cannot name a unix socket: 1 to {} bytes", printable(path),
                 sizeof address.sun_path - 1);
  path.copy(address.sun_path, path.size());
  return made_of(address);
}

Result<SocketAddress> SocketAddress::of_socket(int socket) {
  SocketAddress address;
  if (::getsockname(socket, address.get(), &address.size) < 0) return sys_error("ask for a socket's address");
  return address;
}

std::uint16_t SocketAddress::port() const {
  if (family() == AF_INET) return ntohs(as<sockaddr_in>(*this).sin_port);
  if (family() == AF_INET6) return ntohs(as<sockaddr_in6>(*this).sin6_port);
  return 0;
}

std::string SocketAddress::str() const {
  char text[INET6_ADDRSTRLEN] = {};
  if (family() == AF_INET) {
    const auto address = as<sockaddr_in>(*this);
    ::inet_ntop(AF_INET, &address.sin_addr, text, sizeof text);
    return fmt::format("{}:{}", text, port());
  }
  if (family() == AF_INET6) {
    const auto address = as<sockaddr_in6>(*this);
    if (IN6_IS_ADDR_V4MAPPED(&address.sin6_addr)) {
      ::inet_ntop(AF_INET, &address.sin6_addr.s6_addr[12], text, sizeof text);
      return fmt::format("{}:{}", text, port());
    }
    ::inet_ntop(AF_INET6, &address.sin6_addr, text, sizeof text);
    return fmt::format("[{}]:{}", text, port());
  }
  const auto address = as<sockaddr_un>(*this);
  const std::size_t length =
      size > offsetof(sockaddr_un, sun_path) ? size - offsetof(sockaddr_un, sun_path) : 0;
  const std::string path(address.sun_path, ::strnlen(address.sun_path, length));
  return path.empty() ? "unix" : "unix:" + path;
}

}  // namespace gantry::http
