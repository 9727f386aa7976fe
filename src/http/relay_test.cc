// SPDX-License-Identifier: Apache-2.0
#include "http/relay.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/byte_stream.h"
#include "http/websocket_stream.h"
#include "http/websocket_tunnel.h"
#include "testing/must.h"

namespace gantry::http {
namespace {

struct Pair {
  Pair() {
    std::array<int, 2> fds{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()), 0);
    outside.emplace(MUST(Stream::over(UniqueFd(fds[0]))));
    inside.emplace(MUST(Stream::over(UniqueFd(fds[1]))));
  }
  Stream end() { return *std::move(inside); }
  std::optional<Stream> outside, inside;
};

std::unique_ptr<StreamLoop> start_loop() { return MUST(StreamLoop::start("relays", 2)); }

struct Relays : ::testing::Test {
  std::unique_ptr<StreamLoop> loop = start_loop();
};

std::string read_all(Stream& stream) {
  StringSink sink;
  MUST(copy(stream, sink));
  return sink.text();
}

std::string read(Stream& stream, std::size_t bytes) {
  std::string text(bytes, '\0');
  for (std::size_t got = 0; got < bytes;)
    got += MUST(stream.read(std::as_writable_bytes(std::span(text)).subspan(got)));
  return text;
}

TEST_F(Relays, PassBothWaysAndTheEndOfEach) {
  Pair left, right;
  MUST(relay(*loop, left.end(), right.end()));
  const std::string large(1 << 20, 'x');
  std::thread writing([&] {
    MUST(left.outside->write(bytes_of(large)));
    MUST(left.outside->shut_down_writing());
  });
  EXPECT_EQ(read_all(*right.outside), large);
  writing.join();
  MUST(right.outside->write(bytes_of("still here")));
  MUST(right.outside->shut_down_writing());
  EXPECT_EQ(read_all(*left.outside), "still here");
}

TEST_F(Relays, EndWhenOneBreaks) {
  Pair left, right;
  MUST(relay(*loop, left.end(), right.end()));
  MUST(left.outside->write(bytes_of("hello")));
  EXPECT_EQ(read(*right.outside, 5), "hello");
  right.outside.reset();
  EXPECT_EQ(read_all(*left.outside), "");
}

TEST_F(Relays, AreCountedAndCutWithTheirLoop) {
  std::array<Pair, 3> left, right;
  MUST(relay(*loop, left[0].end(), right[0].end()));
  MUST(relay(*loop, left[1].end(), right[1].end()));
  const auto third = relay(*loop, left[2].end(), right[2].end());
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code(), Code::ResourceExhausted);
  loop.reset();
  EXPECT_EQ(read_all(*left[0].outside), "");
}

TEST_F(Relays, CarryBytesInMessagesOfAWebSocket) {
  Pair left, right;
  MUST(relay(*loop, left.end(), right.end(), websocket_tunnel(1 << 20)));
  WebSocketStream client(*std::move(left.outside), WebSocket::Side::Client);
  MUST(client.send(WebSocket::Kind::Binary, "one"));
  MUST(client.ping("are you there?"));
  MUST(client.send(WebSocket::Kind::Binary, "two"));
  EXPECT_EQ(read(*right.outside, 6), "onetwo");
  EXPECT_EQ(MUST(client.receive())->kind, WebSocket::Kind::Pong);
  MUST(right.outside->write(bytes_of("three")));
  const auto message = MUST(client.receive());
  EXPECT_EQ(message->kind, WebSocket::Kind::Binary);
  EXPECT_EQ(message->data, "three");
  MUST(client.close());
  EXPECT_EQ(read_all(*right.outside), "");
}

TEST_F(Relays, SayCloseWhenTheOtherEndIsOver) {
  Pair left, right;
  MUST(relay(*loop, left.end(), right.end(), websocket_tunnel(1 << 20)));
  WebSocketStream client(*std::move(left.outside), WebSocket::Side::Client);
  MUST(right.outside->write(bytes_of("last words")));
  right.outside.reset();
  EXPECT_EQ(MUST(client.receive())->data, "last words");
  EXPECT_EQ(MUST(client.receive())->kind, WebSocket::Kind::Close);
}

TEST_F(Relays, EndAWebSocketThatBreaksItsRules) {
  Pair left, right;
  MUST(relay(*loop, left.end(), right.end(), websocket_tunnel(1 << 20)));
  MUST(left.outside->write(bytes_of("\x82\x02no")));  // without a mask
  EXPECT_EQ(read_all(*right.outside), "");
  right.outside.reset();
  EXPECT_TRUE(read_all(*left.outside).starts_with("\x88"));
}

}  // namespace
}  // namespace gantry::http
