// SPDX-License-Identifier: Apache-2.0
//
// A WebSocket on a connection, for code that may block: whole messages in and out, within the limits of the
// stream (Stream::set_timeout).
//
//   WebSocketStream socket(std::move(stream), WebSocket::Side::Client);
//   TRY(socket.send(WebSocket::Kind::Text, "hello"));
//   while (auto message = TRY(socket.receive())) ...
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "http/stream.h"
#include "http/websocket.h"

namespace gantry::http {

class WebSocketStream {
 public:
  WebSocketStream(Stream stream, WebSocket::Side side, std::size_t most = 1 << 20)
      : stream_(std::move(stream)), socket_(side, most) {}

  // The next message, Pong and Close among them; pings are answered meanwhile. Nullopt after Close. DataLoss
  // when the connection ends without it.
  Result<std::optional<WebSocket::Message>> receive();

  Result<void> send(WebSocket::Kind kind, std::string_view data);
  Result<void> ping(std::string_view data);
  // Says Close; the peer's own is still to be received.
  Result<void> close(std::uint16_t status = WebSocket::kNormal, std::string_view reason = {});

 private:
  Result<void> flush();
  Stream stream_;
  WebSocket socket_;
};

}  // namespace gantry::http
