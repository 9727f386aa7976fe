// SPDX-License-Identifier: Apache-2.0
#include "http/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>
#include <utility>

#include "base/printable.h"
#include "http/socket_address.h"

namespace gantry::http {
namespace {

constexpr int kBacklog = 1024;

Result<UniqueFd> make_socket(int family) {
  UniqueFd socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return sys_error("make a socket");
  return socket;
}

Result<void> bind_and_listen(int socket, const SocketAddress& address) {
  if (::bind(socket, address.get(), address.size) < 0 || ::listen(socket, kBacklog) < 0)
    return sys_error("listen at '{}'", printable(address.str()));
  return {};
}

// Removes a socket file that nobody listens at any more.
Result<void> remove_stale(const SocketAddress& address, const std::string& path) {
  struct stat found;
  if (::lstat(path.c_str(), &found) < 0) {
    if (errno == ENOENT) return {};
    return sys_error("look at '{}'", path);
  }
  if (!S_ISSOCK(found.st_mode)) return error(Code::AlreadyExists, "'{}' is there, and no socket", path);
  const UniqueFd probe = TRY(make_socket(AF_UNIX));
  if (::connect(probe.get(), address.get(), address.size) == 0 || errno != ECONNREFUSED)
    return error(Code::AlreadyExists, "another process listens at '{}'", path);
  if (::unlink(path.c_str()) < 0 && errno != ENOENT) return sys_error("remove the stale socket '{}'", path);
  return {};
}

}  // namespace

Listener::~Listener() {
  if (path_.empty()) return;
  struct stat found;
  if (::lstat(path_.c_str(), &found) == 0 && found.st_ino == inode_)
    (void)::unlink(path_.c_str());  // whoever removed it in between is welcome
}

Result<Listener> Listener::tcp(const std::string& address, std::uint16_t port) {
  // Every address: one IPv6 socket takes both families, unless the kernel has no IPv6.
  UniqueFd any_family(address.empty() ? ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)
                                      : -1);
  const SocketAddress wanted = TRY(SocketAddress::of_ip(any_family        ? "::"
                                                        : address.empty() ? "0.0.0.0"
                                                                          : address,
                                                        port));
  Listener listener(any_family ? std::move(any_family) : TRY(make_socket(wanted.get()->sa_family)));
  const int fd = listener.fd();
  const int yes = 1;
  const int v6_only = address.empty() ? 0 : 1;
  if (::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) < 0 ||
      (wanted.get()->sa_family == AF_INET6 &&
       ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only) < 0))
    return sys_error("prepare a socket for '{}'", wanted.str());
  TRY(bind_and_listen(fd, wanted));
  TRY(listener.find_name());
  return listener;
}

Result<Listener> Listener::unix_socket(const std::string& path, mode_t mode) {
  const SocketAddress address = TRY(SocketAddress::of_unix(path));
  TRY(remove_stale(address, path));
  Listener listener(TRY(make_socket(AF_UNIX)));
  // The file is born with the socket's mode, so that nobody connects before it is as narrow as it should be.
  if (::fchmod(listener.fd(), mode) < 0) return sys_error("set the mode of a socket");
  TRY(bind_and_listen(listener.fd(), address));
  struct stat made;
  if (::chmod(path.c_str(), mode) < 0 || ::lstat(path.c_str(), &made) < 0)  // without the umask
    return sys_error("set the mode of '{}'", path);
  listener.path_ = path;
  listener.inode_ = made.st_ino;
  TRY(listener.find_name());
  return listener;
}

Result<Listener> Listener::adopt(UniqueFd socket) {
  Listener listener(std::move(socket));
  int listens = 0;
  socklen_t size = sizeof listens;
  if (::getsockopt(listener.fd(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0)
    return sys_error("look at the socket that was passed");
  if (listens == 0) return error(Code::InvalidArgument, "the socket that was passed does not listen");
  const int flags = ::fcntl(listener.fd(), F_GETFL);
  if (flags < 0 || ::fcntl(listener.fd(), F_SETFL, flags | O_NONBLOCK) < 0)
    return sys_error("make a socket non-blocking");
  TRY(listener.find_name());
  return listener;
}

Listener Listener::with_tls(std::shared_ptr<const TlsContext> context) && {
  tls_ = std::move(context);
  return std::move(*this);
}

Result<void> Listener::find_name() {
  const SocketAddress bound = TRY(SocketAddress::of_socket(fd()));
  name_ = bound.str();
  port_ = bound.port();
  return {};
}

}  // namespace gantry::http
