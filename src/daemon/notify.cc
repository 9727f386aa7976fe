// SPDX-License-Identifier: Apache-2.0
#include "daemon/notify.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "base/unique_fd.h"

namespace gantry::daemon {

Result<void> notify_service_manager(std::string_view state) {
  const char* variable =
      std::getenv("NOTIFY_SOCKET");  // NOLINT(concurrency-mt-unsafe): nobody sets variables
  if (variable == nullptr || *variable == '\0') return {};
  const std::string_view name = variable;
  sockaddr_un address{.sun_family = AF_UNIX};
  if ((name[0] != '/' && name[0] != '@') || name.size() >= sizeof address.sun_path)
    return error(Code::InvalidArgument, "NOTIFY_SOCKET is neither a path nor '@name': '{}'", name);
  std::memcpy(address.sun_path, name.data(), name.size());
  if (name[0] == '@') address.sun_path[0] = '\0';  // an abstract socket: its name is exactly that long
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return sys_error("make a socket");
  if (::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL,
               reinterpret_cast<const sockaddr*>(&address), length) < 0)
    return sys_error("tell '{}' the state of this service", name);
  return {};
}

}  // namespace gantry::daemon
