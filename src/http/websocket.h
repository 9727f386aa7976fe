// SPDX-License-Identifier: Apache-2.0
//
// A WebSocket connection (RFC 6455) without its socket: bytes of the peer go in, messages come out, and what
// has to be sent is kept until it is taken. So it serves event loops and blocking code alike, on both sides.
//
//   WebSocket socket(WebSocket::Side::Server);
//   socket.feed(bytes);
//   while (auto message = TRY(socket.next())) ...   // pings are answered, fragments joined
//   socket.send(WebSocket::Kind::Binary, "hello");
//   connection.write(socket.take_output());
//
// How a connection becomes one is in websocket_handshake.h; websocket_stream.h has one on a Stream.
// Extensions (compression) are not spoken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace gantry::http {

class WebSocket {
 public:
  enum class Side : std::uint8_t { Server, Client };  // which of the two this one is
  enum class Kind : std::uint8_t { Text, Binary, Pong, Close };

  struct Message {
    Kind kind = Kind::Binary;
    std::string data;          // of Close: the reason
    std::uint16_t status = 0;  // of Close; kNoStatus where the peer gave none
  };

  // Status codes (section 7.4.1).
  static constexpr std::uint16_t kNormal = 1000, kGoingAway = 1001, kProtocolError = 1002, kNoStatus = 1005,
                                 kInvalidData = 1007, kTooBig = 1009, kInternalError = 1011;

  // `most` bytes of a message; larger ones end the connection.
  explicit WebSocket(Side side, std::size_t most = 1 << 20) : side_(side), most_(most) {}

  // ---- from the peer

  // Keeps the bytes until next() has used them.
  void feed(std::string_view bytes) { input_.append(bytes); }
  // Nullopt: more has to be fed, or the peer has said Close and nothing follows. An error of what the peer
  // sent (InvalidArgument, ResourceExhausted) has put the Close that says so into the output; it is the last.
  Result<std::optional<Message>> next();

  // ---- to the peer: nothing any more after close()

  // Text must be UTF-8. A message is sent as one frame.
  void send(Kind kind, std::string_view data);
  // `data` comes back in a Pong; at most 125 bytes.
  void ping(std::string_view data);
  // Of `reason` at most 123 bytes are sent.
  void close(std::uint16_t status = kNormal, std::string_view reason = {});

  bool has_output() const { return !output_.empty(); }
  std::string take_output();

  // Both have said Close, or this side has for a fault of the peer's: once the output is sent, the server
  // closes the connection.
  bool is_over() const { return has_sent_close_ && (has_received_close_ || has_failed_); }
  bool has_sent_close() const { return has_sent_close_; }

 private:
  struct Frame;
  Result<std::optional<Frame>> read_frame();
  Result<std::optional<Message>> take(Frame frame);
  Result<std::optional<Message>> take_data(Frame frame);
  Result<std::optional<Message>> take_close(const std::string& payload);
  Error fail(std::uint16_t status, std::string_view why);
  void write_frame(std::uint8_t opcode, std::string_view payload);

  const Side side_;
  const std::size_t most_;
  std::string input_;
  std::size_t used_ = 0;  // of input_
  std::string output_;
  std::string message_;               // of fragments so far
  std::optional<Kind> message_kind_;  // while fragments are to follow
  bool has_sent_close_ = false;
  bool has_received_close_ = false;
  bool has_failed_ = false;
};

}  // namespace gantry::http
