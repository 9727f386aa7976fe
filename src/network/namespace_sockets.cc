// SPDX-License-Identifier: Apache-2.0
#include "network/namespace_sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>

#include <cstdlib>

#include "base/file.h"
#include "kernel/namespaces.h"

namespace gantry::network {
namespace {

constexpr in_addr_t kAddress = 0x7f00000b;  // 127.0.0.11

// The calling thread's stay in another network namespace.
class Visit {
 public:
  static Result<Visit> to(int network_namespace) {
    UniqueFd home = TRY(open_at(AT_FDCWD, "/proc/thread-self/ns/net", O_RDONLY));
    TRY(kernel::enter_namespace(network_namespace, CLONE_NEWNET));
    return Visit(std::move(home));
  }
  Visit(Visit&&) = default;
  ~Visit() {
    // A thread that stayed there would do its next work in the wrong namespace.
    if (home_ && ::setns(home_.get(), CLONE_NEWNET) < 0) std::abort();
  }

 private:
  explicit Visit(UniqueFd home) : home_(std::move(home)) {}
  UniqueFd home_;
};

Result<UniqueFd> open_socket(int family, int type) {
  UniqueFd fd(::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return sys_error("open socket");
  return fd;
}

}  // namespace

Result<UniqueFd> open_socket_in(int network_namespace, int family, int type) {
  if (network_namespace < 0) return open_socket(family, type);
  const Visit visit = TRY(Visit::to(network_namespace));
  return open_socket(family, type);
}

Result<UniqueFd> open_name_socket(int network_namespace, int type, std::uint16_t port) {
  UniqueFd fd = TRY(open_socket_in(network_namespace, AF_INET, type));
  if (type == SOCK_STREAM) {
    // A port that is taken again after a restart may have connections in TIME_WAIT.
    const int on = 1;
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
      return sys_error("let address be used again");
  }
  const sockaddr_in address{
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {.s_addr = htonl(kAddress)}};
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
    return sys_error("bind name server to 127.0.0.11:{}", port);
  if (type == SOCK_STREAM && ::listen(fd.get(), 64) < 0) return sys_error("listen at 127.0.0.11:{}", port);
  return fd;
}

Result<std::uint16_t> port_of(int socket) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) < 0)
    return sys_error("ask for the port of a socket");
  return ntohs(address.sin_port);
}

}  // namespace gantry::network
