// SPDX-License-Identifier: Apache-2.0
#include "http/websocket_stream.h"

#include <array>

namespace gantry::http {

Result<void> WebSocketStream::flush() {
  if (!socket_.has_output()) return {};
  return stream_.write(bytes_of(socket_.take_output()));
}

Result<std::optional<WebSocket::Message>> WebSocketStream::receive() {
  std::array<std::byte, 16 << 10> buffer;
  for (;;) {
    auto message = socket_.next();
    TRY(flush());
    if (!message || *message || socket_.is_over()) return message;
    const std::size_t got = TRY(stream_.read(buffer));
    if (got == 0) return error(Code::DataLoss, "the connection of a WebSocket ended without Close");
    socket_.feed(text_of(std::span(buffer).first(got)));
  }
}

Result<void> WebSocketStream::send(WebSocket::Kind kind, std::string_view data) {
  socket_.send(kind, data);
  return flush();
}

Result<void> WebSocketStream::ping(std::string_view data) {
  socket_.ping(data);
  return flush();
}

Result<void> WebSocketStream::close(std::uint16_t status, std::string_view reason) {
  socket_.close(status, reason);
  return flush();
}

}  // namespace gantry::http
