// SPDX-License-Identifier: Apache-2.0
#include "http/websocket_tunnel.h"

#include "http/websocket.h"

namespace gantry::http {
namespace {

class Tunnel final : public Interpreter {
 public:
  explicit Tunnel(std::size_t most) : socket_(WebSocket::Side::Server, most) {}

  Result<void> hear(Side from, std::string_view bytes) override {
    if (from == Side::Server)
      socket_.send(WebSocket::Kind::Binary, bytes);
    else
      unpack(bytes);
    send(Side::Client, socket_.take_output());
    return {};
  }

  void hear_end(Side from) override {
    if (from == Side::Client) return finish(Side::Server);
    if (!socket_.has_sent_close()) socket_.close();
    send(Side::Client, socket_.take_output());
    finish(Side::Client);
  }

 private:
  // Its Close, or what breaks the rules, is the end; the answer to that is in the socket's output.
  void unpack(std::string_view bytes) {
    socket_.feed(bytes);
    for (;;) {
      const auto message = socket_.next();
      if (message && !*message) return;
      if (!message || (*message)->kind == WebSocket::Kind::Close) {
        stop_hearing(Side::Client);
        return finish(Side::Server);
      }
      if ((*message)->kind != WebSocket::Kind::Pong) send(Side::Server, (*message)->data);
    }
  }

  WebSocket socket_;
};

}  // namespace

std::unique_ptr<Interpreter> websocket_tunnel(std::size_t most) { return std::make_unique<Tunnel>(most); }

}  // namespace gantry::http
