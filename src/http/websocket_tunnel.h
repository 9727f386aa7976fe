// SPDX-License-Identifier: Apache-2.0
//
// A tunnel through a WebSocket that ends here: the client's bytes come in its messages, the server knows of
// none. For relay().
#pragma once

#include <cstddef>
#include <memory>

#include "http/relay.h"

namespace gantry::http {

// `most` bytes of a message.
std::unique_ptr<Interpreter> websocket_tunnel(std::size_t most);

}  // namespace gantry::http
