// SPDX-License-Identifier: Apache-2.0
//
// The socket that an answer goes to, for a handler that works for long before it has something to write, and
// wants to know that the peer goes away meanwhile: to be waited for with POLLRDHUP, by any thread, until the
// handler returns. Nothing else may be done with it.
#pragma once

#include "http/server.h"

namespace gantry::http {

int socket_of(const ResponseWriter& response);

}  // namespace gantry::http
