// SPDX-License-Identifier: Apache-2.0
#include "kernel/pty.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

namespace gantry::kernel {

Result<Pty> open_pty(UniqueFd ptmx) {
  struct stat st{};
  if (::fstat(ptmx.get(), &st) < 0) return sys_error("look at ptmx");
  if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(5, 2))
    return error(Code::InvalidArgument, "ptmx is not the pseudo-terminal multiplexer");
  int unlock = 0;
  if (::ioctl(ptmx.get(), TIOCSPTLCK, &unlock) < 0) return sys_error("unlock pseudo-terminal");
  UniqueFd slave(::ioctl(ptmx.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!slave) return sys_error("open the slave of a pseudo-terminal");
  return Pty{std::move(ptmx), std::move(slave)};
}

Result<void> set_window_size(int terminal, std::uint16_t rows, std::uint16_t columns) {
  const winsize size{.ws_row = rows, .ws_col = columns};
  if (::ioctl(terminal, TIOCSWINSZ, &size) < 0) return sys_error("set window size");
  return {};
}

Result<void> become_terminal_owner(int slave) {
  if (::ioctl(slave, TIOCSCTTY, 0) < 0) return sys_error("take the controlling terminal");
  for (int fd = 0; fd <= 2; ++fd)
    if (::dup2(slave, fd) < 0) return sys_error("make the terminal descriptor {}", fd);
  return {};
}

Result<UniqueFd> connect_unix(const std::string& path, int type) {
  // sun_path is short; a descriptor of the socket file makes a short path to it.
  UniqueFd file(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!file) return sys_error("open socket '{}'", path);
  UniqueFd socket(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  if (!socket) return sys_error("make socket");
  sockaddr_un address{.sun_family = AF_UNIX};
  const std::string alias = fmt::format("/proc/self/fd/{}", file.get());
  std::memcpy(address.sun_path, alias.c_str(), alias.size() + 1);
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0)
    return sys_error("connect to socket '{}'", path);
  return socket;
}

Result<void> send_descriptor(int socket, int fd, std::string_view payload) {
  iovec data{.iov_base = const_cast<char*>(payload.data()), .iov_len = payload.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  const ssize_t sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
  if (sent < 0) return sys_error("send descriptor");
  if (static_cast<std::size_t>(sent) != payload.size())
    return error(Code::Unavailable, "send descriptor: the receiver took only {} of {} bytes", sent,
                 payload.size());
  return {};
}

}  // namespace gantry::kernel
