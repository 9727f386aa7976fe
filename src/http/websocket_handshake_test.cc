// SPDX-License-Identifier: Apache-2.0
#include "http/websocket_handshake.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "http/server.h"
#include "http/websocket_stream.h"
#include "testing/must.h"

namespace gantry::http {
namespace {

using namespace std::chrono_literals;
using Kind = WebSocket::Kind;

RequestHead asked(HeaderMap more = {}) {
  RequestHead head{.headers = {{"Upgrade", "websocket"},
                               {"Connection", "keep-alive, Upgrade"},
                               {"Sec-WebSocket-Version", "13"},
                               {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}}};
  for (const Header& header : more) head.headers.set(header.name, header.value);
  return head;
}

TEST(WebSocketHandshake, TheExampleOfTheSpecificationIsAccepted) {
  const auto accepted = MUST(accept_websocket(asked()));
  EXPECT_EQ(accepted.headers.get("Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_FALSE(accepted.headers.has("Sec-WebSocket-Protocol"));
}

TEST(WebSocketHandshake, TheServersFirstSubprotocolOfThoseOfferedIsTaken) {
  const RequestHead head = asked({{"Sec-WebSocket-Protocol", "v1, v3, v2"}});
  EXPECT_EQ(MUST(accept_websocket(head, {"v4", "v2", "v1"})).subprotocol, "v2");
  EXPECT_EQ(MUST(accept_websocket(head, {"v9"})).subprotocol, "");
}

TEST(WebSocketHandshake, WhatIsNoneIsRefused) {
  const auto code_of = [](const RequestHead& head) { return accept_websocket(head).error().code(); };
  EXPECT_EQ(code_of(asked({{"Upgrade", "tcp"}})), Code::InvalidArgument);
  EXPECT_EQ(code_of(asked({{"Connection", "close"}})), Code::InvalidArgument);
  EXPECT_EQ(code_of(asked({{"Sec-WebSocket-Key", "c2hvcnQ="}})), Code::InvalidArgument);
  EXPECT_EQ(code_of(asked({{"Sec-WebSocket-Version", "8"}})), Code::Unsupported);
  RequestHead post = asked();
  post.method = "POST";
  EXPECT_EQ(code_of(post), Code::InvalidArgument);
}

// A server that says back what it hears, and takes its leave when the client does.
std::unique_ptr<Server> echo() {
  std::vector<Listener> listeners;
  listeners.push_back(MUST(Listener::tcp("127.0.0.1", 0)));
  return MUST(
      Server::start(std::move(listeners), [](Request& request, ResponseWriter& response) -> Result<void> {
        response.headers = TRY(accept_websocket(request.head(), {"echo"})).headers;
        WebSocketStream socket(TRY(response.hijack(101)), WebSocket::Side::Server);
        while (auto message = TRY(socket.receive()))
          if (message->kind != Kind::Close) TRY(socket.send(message->kind, message->data));
        return {};
      }));
}

TEST(WebSocketHandshake, ClientAndServerTalk) {
  const auto server = echo();
  const Url url = MUST(Url::parse("http://" + server->listeners().front().name() + "/ws"));
  Client client;
  const WebSocketOffer offer({"other", "echo"});
  ClientResponse answer = MUST(client.send(offer.request(url)));
  EXPECT_EQ(MUST(offer.check(answer)), "echo");
  WebSocketStream socket(MUST(std::move(answer).take_stream()), WebSocket::Side::Client);
  MUST(socket.ping("?"));
  MUST(socket.send(Kind::Text, "hello"));
  EXPECT_EQ(MUST(socket.receive())->kind, Kind::Pong);
  EXPECT_EQ(MUST(socket.receive())->data, "hello");
  MUST(socket.close());
  EXPECT_EQ(MUST(socket.receive())->status, WebSocket::kNormal);
  EXPECT_FALSE(MUST(socket.receive()));
}

TEST(WebSocketHandshake, AServerThatDoesNotWantToIsAnError) {
  const auto server = [] {
    std::vector<Listener> listeners;
    listeners.push_back(MUST(Listener::tcp("127.0.0.1", 0)));
    return MUST(Server::start(std::move(listeners), [](Request&, ResponseWriter& response) {
      return response.send(403, "not you\n");
    }));
  }();
  Client client;
  const WebSocketOffer offer;
  ClientResponse answer = MUST(
      client.send(offer.request(MUST(Url::parse("http://" + server->listeners().front().name() + "/")))));
  const auto refused = offer.check(answer);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::PermissionDenied);
  EXPECT_NE(refused.error().message().find("not you"), std::string::npos);
}

}  // namespace
}  // namespace gantry::http
