// SPDX-License-Identifier: Apache-2.0
#include "container/shim_socket.h"

#include <sys/socket.h>

#include "kernel/pty.h"

namespace gantry::container {

Result<UniqueFd> connect_to_shim(const std::string& path) {
  auto socket = kernel::connect_unix(path, SOCK_SEQPACKET | SOCK_NONBLOCK);
  if (socket) return socket;
  const int failed = socket.error().errno_value();
  // Nobody listens any more, or so many wait that there is no place.
  const bool is_gone = failed == ECONNREFUSED || failed == EAGAIN;
  Error why = std::move(socket).error().during("reach the container's shim");
  return is_gone ? std::move(why).with_code(Code::Unavailable) : std::move(why);
}

}  // namespace gantry::container
