// SPDX-License-Identifier: Apache-2.0
#include "network/host_ports.h"

#include <fmt/format.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <utility>

#include "network/port_user.h"

namespace gantry::network {
namespace {

using kernel::IpAddress;

// A pair of sockets for both versions may find the number that one got taken for the other.
constexpr int kEphemeralAttempts = 64;

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

SocketAddress socket_address(const IpAddress& address, std::uint16_t port) {
  SocketAddress made;
  if (address.is_v4()) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(made.storage);
    v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    std::memcpy(&v4.sin_addr, address.bytes().data(), sizeof v4.sin_addr);
    made.size = sizeof v4;
  } else {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(made.storage);
    v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    std::memcpy(&v6.sin6_addr, address.bytes().data(), sizeof v6.sin6_addr);
    made.size = sizeof v6;
  }
  return made;
}

Result<std::uint16_t> bound_port(int fd) {
  SocketAddress address{.size = sizeof address.storage};
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address.storage), &address.size) < 0)
    return sys_error("find the port of a socket");
  // At the same place in both versions.
  return ntohs(reinterpret_cast<const sockaddr_in&>(address.storage).sin_port);
}

// No packet passes a filter that keeps 0 bytes of each.
Result<void> take_nothing(int fd) {
  sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
  const sock_fprog program{.len = 1, .filter = &drop};
  if (::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0)
    return sys_error("attach socket filter");
  return {};
}

// Without a value: the kernel has no such sockets (SCTP), so nobody else can have the port either.
Result<std::optional<UniqueFd>> open_socket(Protocol protocol, int family) {
  const bool is_datagram = protocol == Protocol::Udp;
  UniqueFd fd(::socket(family, (is_datagram ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC,
                       protocol == Protocol::Sctp ? IPPROTO_SCTP : 0));
  if (!fd && protocol == Protocol::Sctp && (errno == EPROTONOSUPPORT || errno == ESOCKTNOSUPPORT))
    return std::optional<UniqueFd>();
  if (!fd) return sys_error("open a socket to hold a port");
  return std::optional(std::move(fd));
}

Result<std::optional<UniqueFd>> hold(Protocol protocol, const IpAddress& address, std::uint16_t port) {
  auto opened = TRY(open_socket(protocol, address.family()));
  if (!opened) return opened;
  const int fd = opened->get();
  const int on = 1;
  if (!address.is_v4()) (void)::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  // An address of the host that is still to come.
  (void)::setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof on);
  const bool listens = protocol != Protocol::Udp;
  // Connections that ended a moment ago do not count; for datagrams it would mean sharing the port.
  if (listens) (void)::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  TRY(take_nothing(fd));
  const SocketAddress to = socket_address(address, port);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&to.storage), to.size) < 0)
    return sys_error("bind port {}", port);
  // With that option, only a socket that listens keeps others out. SCTP takes a queue of 0 for not listening.
  if (listens && ::listen(fd, 1) < 0) return sys_error("listen at port {}", port);
  return opened;
}

std::string spell(const IpAddress& address, std::uint16_t port) {
  return fmt::format(fmt::runtime(address.is_v4() ? "{}:{}" : "[{}]:{}"), address.str(), port);
}

bool is_taken(const Error& failure) { return failure.errno_value() == EADDRINUSE; }

}  // namespace

std::optional<std::string> HostPorts::owner_of(const Key& key) const {
  Table& table = *table_;
  MutexLock lock(table.mutex);
  const IpAddress any = key.address.is_v4() ? IpAddress::v4(0) : IpAddress::v6(0);
  for (const IpAddress& address : {key.address, any})
    if (const auto found = table.owners.find({key.protocol, key.port, address}); found != table.owners.end())
      return found->second;
  if (!key.address.is_unspecified()) return std::nullopt;
  // Any address also means each of those that have it for themselves.
  const auto next = table.owners.lower_bound({key.protocol, key.port, any});
  if (next == table.owners.end() || next->first.protocol != key.protocol || next->first.port != key.port ||
      next->first.address.is_v4() != key.address.is_v4())
    return std::nullopt;
  return next->second;
}

Result<void> HostPorts::claim(Reservation& reservation, const Key& key, const std::string& owner) {
  {
    Table& table = *table_;
    MutexLock lock(table.mutex);
    if (!table.owners.emplace(key, owner).second)
      return sys_error_of(EADDRINUSE, "port {}", key.port).with_code(Code::AlreadyExists);
  }
  const auto release = [shared = table_, key](void*) {
    Table& table = *shared;
    MutexLock lock(table.mutex);
    table.owners.erase(key);
  };
  reservation.names_.emplace_back(nullptr, release);
  return {};
}

Result<HostPorts::Reservation> HostPorts::reserve_one(Protocol protocol,
                                                      const std::vector<IpAddress>& addresses,
                                                      std::uint16_t port, const std::string& owner) {
  Reservation made;
  made.port_ = port;
  for (const IpAddress& address : addresses) {
    const Key key{protocol, port, address};
    const auto refuse = [&](const std::string& user) {
      return Error(
          Code::AlreadyExists, EADDRINUSE,
          fmt::format("Bind for {} failed: port is already allocated{}", spell(address, port), user));
    };
    if (const auto other = owner_of(key)) return refuse(fmt::format(" by '{}'", *other));
    auto socket = hold(protocol, address, port);
    if (!socket && is_taken(socket.error())) {
      const auto user = find_port_user(protocol, address, port);
      return refuse(user ? fmt::format(" by process {} ('{}')", user->pid, user->command) : std::string());
    }
    if (!socket)
      return std::move(socket).error().during(fmt::format("Bind for {} failed", spell(address, port)));
    TRY(claim(made, key, owner));
    if (*socket) made.sockets_.push_back(std::move(**socket));
  }
  return made;
}

// Lets the kernel choose for the first address, and asks for the same number at the others.
Result<HostPorts::Reservation> HostPorts::reserve_ephemeral(Protocol protocol,
                                                            const std::vector<IpAddress>& addresses,
                                                            const std::string& owner) {
  // Which numbers are ephemeral is the same for all protocols; not all have sockets here.
  const Protocol asked = protocol == Protocol::Sctp ? Protocol::Tcp : protocol;
  std::optional<Error> last;
  for (int attempt = 0; attempt < kEphemeralAttempts; ++attempt) {
    std::optional<UniqueFd> probe = TRY(hold(asked, addresses.front(), 0));
    const std::uint16_t port = TRY(bound_port(probe->get()));
    probe.reset();
    auto made = reserve_one(protocol, addresses, port, owner);
    if (made || !is_taken(made.error())) return made;
    last = std::move(made).error();
  }
  return std::move(*last).during("no free ephemeral port");
}

Result<HostPorts::Reservation> HostPorts::reserve(Protocol protocol, const std::vector<IpAddress>& addresses,
                                                  std::uint16_t first, std::uint16_t last,
                                                  const std::string& owner) {
  if (first == 0 && last == 0) return reserve_ephemeral(protocol, addresses, owner);
  for (unsigned port = first; port < last; ++port) {
    auto made = reserve_one(protocol, addresses, static_cast<std::uint16_t>(port), owner);
    if (made || !is_taken(made.error())) return made;
  }
  auto made = reserve_one(protocol, addresses, last, owner);
  if (made || first == last) return made;
  return std::move(made).error().during(fmt::format("no free port from {} to {}", first, last));
}

}  // namespace gantry::network
