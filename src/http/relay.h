// SPDX-License-Identifier: Apache-2.0
//
// Two connections become one: what a proxy does with streams that it only passes on.
//
//   TRY(relay(loop, {.stream = std::move(client)}, {.stream = std::move(server)}));    // returns at once
#pragma once

#include <optional>

#include "base/error.h"
#include "http/stream.h"
#include "http/stream_loop.h"
#include "http/websocket.h"

namespace gantry::http {

struct RelayEnd {
  Stream stream;
  // Of a tunnel: the bytes travel in its messages, and its Close is the end.
  std::optional<WebSocket> socket;
};

// Passes bytes both ways until one has ended, and the other for a few seconds more; the end of one is passed
// on as that. Without a limit before: streams of terminals may be silent for days, and peers that vanish are
// found out by TCP. What one end sends waits with it until the other takes it.
Result<void> relay(StreamLoop& loop, RelayEnd one, RelayEnd other);

}  // namespace gantry::http
