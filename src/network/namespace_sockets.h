// SPDX-License-Identifier: Apache-2.0
//
// Sockets in the network namespace of somebody else. A socket belongs to the namespace it was made in, so the
// thread goes there for the moment of the call; other threads do not notice.
#pragma once

#include <sys/socket.h>

#include <cstdint>

#include "base/error.h"
#include "base/unique_fd.h"

namespace gantry::network {

// socket(2), non-blocking and close-on-exec. `network_namespace` -1: the caller's own.
Result<UniqueFd> open_socket_in(int network_namespace, int family, int type);

// A socket bound to 127.0.0.11 there, of SOCK_STREAM a listening one. Port 0 takes a free one.
Result<UniqueFd> open_name_socket(int network_namespace, int type, std::uint16_t port);
Result<std::uint16_t> port_of(int socket);

}  // namespace gantry::network
