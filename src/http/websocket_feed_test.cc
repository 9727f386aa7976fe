// SPDX-License-Identifier: Apache-2.0
#include "http/websocket_feed.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <memory>
#include <optional>

#include "http/test_frames.h"
#include "http/websocket_stream.h"
#include "testing/must.h"

namespace gantry::http {
namespace {

using testing::TestFrames;
using Kind = WebSocket::Kind;

std::unique_ptr<StreamLoop> start_loop() { return MUST(StreamLoop::start("feeds", 1)); }

struct Feeds : ::testing::Test {
  Feeds() {
    std::array<int, 2> fds{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()), 0);
    client.emplace(MUST(Stream::over(UniqueFd(fds[0]))), WebSocket::Side::Client);
    MUST(feed_websocket(*loop, MUST(Stream::over(UniqueFd(fds[1]))), source, Kind::Text));
  }
  std::unique_ptr<StreamLoop> loop = start_loop();
  std::shared_ptr<TestFrames> source = std::make_shared<TestFrames>();
  std::optional<WebSocketStream> client;
};

TEST_F(Feeds, MakeAMessageOfEveryFrame) {
  source->add("one");
  EXPECT_EQ(MUST(client->receive())->data, "one");
  source->add("two");
  source->add("three");
  EXPECT_EQ(MUST(client->receive())->data, "two");
  const auto third = MUST(client->receive());
  EXPECT_EQ(third->data, "three");
  EXPECT_EQ(third->kind, Kind::Text);
  source->end(FrameSource::State::End);
  EXPECT_EQ(MUST(client->receive())->status, WebSocket::kNormal);
}

TEST_F(Feeds, AnswerPingsAndDropWhatElseIsSaid) {
  MUST(client->send(Kind::Text, "nobody cares"));
  MUST(client->ping("there?"));
  EXPECT_EQ(MUST(client->receive())->kind, Kind::Pong);
}

TEST_F(Feeds, LetGoOfTheirSourceWhenThePeerGoes) {
  std::atomic<bool> gone = false;
  source->gone = &gone;
  source->add("hello");
  EXPECT_EQ(MUST(client->receive())->data, "hello");
  source.reset();
  MUST(client->close());
  while (MUST(client->receive())) {
  }
  client.reset();
  loop.reset();
  EXPECT_TRUE(gone);
}

TEST_F(Feeds, SayThatTheRestIsMissing) {
  source->end(FrameSource::State::Cut);
  EXPECT_EQ(MUST(client->receive())->status, WebSocket::kInternalError);
}

}  // namespace
}  // namespace gantry::http
