// SPDX-License-Identifier: Apache-2.0
#include "kube/control_plane/host_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <climits>

#include <fmt/format.h>

#include "base/unique_fd.h"

namespace gantry::kube {
namespace {

// Reserved for documentation (RFC 5737): somewhere else, whatever the host's own networks are.
constexpr const char* kElsewhere = "192.0.2.1";

}  // namespace

// Connecting a datagram socket sends nothing: the kernel only chooses the way.
Result<std::string> address_of_host() {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return sys_error("make a socket");
  sockaddr_in there{.sin_family = AF_INET, .sin_port = htons(9)};
  ::inet_pton(AF_INET, kElsewhere, &there.sin_addr);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&there), sizeof there) < 0)
    return "127.0.0.1";
  sockaddr_in own{};
  socklen_t size = sizeof own;
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&own), &size) < 0)
    return sys_error("look at a socket's address");
  std::array<char, INET_ADDRSTRLEN> text{};
  ::inet_ntop(AF_INET, &own.sin_addr, text.data(), text.size());
  return std::string(text.data());
}

Result<std::string> host_name() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  if (::gethostname(name.data(), name.size() - 1) < 0) return sys_error("ask for the host's name");
  return std::string(name.data());
}

Result<std::string> first_service_address(std::string_view network) {
  const std::string address(network.substr(0, network.find('/')));
  std::array<unsigned char, 16> bytes{};
  std::array<char, INET6_ADDRSTRLEN> text{};
  for (const auto& [family, last] : {std::pair(AF_INET, 3), std::pair(AF_INET6, 15)}) {
    if (::inet_pton(family, address.c_str(), bytes.data()) != 1) continue;
    ++bytes[static_cast<std::size_t>(last)];
    ::inet_ntop(family, bytes.data(), text.data(), text.size());
    return std::string(text.data());
  }
  return error(Code::InvalidArgument, "'{}' is no network like 10.96.0.0/16", network);
}

std::string with_port(std::string_view address, std::uint16_t port) {
  return address.find(':') == std::string_view::npos ? fmt::format("{}:{}", address, port)
                                                     : fmt::format("[{}]:{}", address, port);
}

}  // namespace gantry::kube
