// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>

namespace gantry::network {

// Whether the last call on a socket failed only because it is to be made again later.
inline bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

}  // namespace gantry::network
