// SPDX-License-Identifier: Apache-2.0
#include "docker/client_connection.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <functional>
#include <optional>
#include <string>

#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "testing/must.h"

namespace gantry::docker {
namespace {

using Kind = ClientConnection::Kind;

struct Recorder final : ClientConnection::Listener {
  void on_input(std::string_view bytes) override { input += bytes; }
  void on_input_end() override { has_ended = true; }
  void on_drained() override { ++drained; }
  void on_hung_up() override { has_hung_up = true; }
  void on_gone() override { ++gone; }

  std::string input;
  bool has_ended = false, has_hung_up = false;
  int drained = 0, gone = 0;
};

class ClientConnectionTest : public ::testing::Test {
 protected:
  ClientConnectionTest() {
    int pair[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    client_ = UniqueFd(pair[0]);
    server_ = UniqueFd(pair[1]);
  }

  void open(Kind kind) {
    connection_.emplace(loop_, MUST(http::Stream::over(std::move(server_))), kind, recorder_);
    MUST(connection_->open());
  }
  void run_until(const std::function<bool()>& done) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!done() && std::chrono::steady_clock::now() < end) MUST(loop_.run_once(end));
    EXPECT_TRUE(done());
  }
  // What has arrived at the client so far; with `end` up to the end.
  std::string received() {
    char buffer[64 << 10];
    std::string text;
    for (;;) {
      const ssize_t got = ::recv(client_.get(), buffer, sizeof buffer, 0);
      if (got == 0) has_end_ = true;
      if (got <= 0) return text;
      text.append(buffer, static_cast<std::size_t>(got));
    }
  }
  void say(std::string_view text) {
    EXPECT_EQ(::send(client_.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  }

  static EventLoop make_loop() { return MUST(EventLoop::make()); }

  EventLoop loop_ = make_loop();
  UniqueFd client_, server_;
  Recorder recorder_;
  std::optional<ClientConnection> connection_;
  bool has_end_ = false;
};

TEST_F(ClientConnectionTest, FramesAnAnswerInChunksAndEndsIt) {
  open(Kind::Chunked);
  connection_->write("hello");
  connection_->write("a", "b");
  connection_->write("");
  EXPECT_EQ(received(), "5\r\nhello\r\n2\r\nab\r\n");
  connection_->finish();
  EXPECT_EQ(received(), "0\r\n\r\n");
  EXPECT_TRUE(has_end_);
  EXPECT_EQ(recorder_.gone, 0);  // the client may still be reading
  client_.reset();
  run_until([&] { return recorder_.gone == 1; });
}

TEST_F(ClientConnectionTest, GoesWhenTheReaderOfAnAnswerLeaves) {
  open(Kind::UntilClose);
  connection_->write("hello");
  EXPECT_EQ(received(), "hello");
  EXPECT_EQ(::shutdown(client_.get(), SHUT_WR), 0);
  run_until([&] { return recorder_.gone == 1; });
  EXPECT_FALSE(recorder_.has_ended);
}

TEST_F(ClientConnectionTest, TellsInputAndItsEndAndStillWrites) {
  open(Kind::Upgraded);
  say("typed");
  run_until([&] { return recorder_.input == "typed"; });
  EXPECT_EQ(::shutdown(client_.get(), SHUT_WR), 0);
  run_until([&] { return recorder_.has_ended; });
  connection_->write("answer");
  EXPECT_EQ(received(), "answer");
  EXPECT_EQ(recorder_.gone, 0);
  client_.reset();
  run_until([&] { return recorder_.gone == 1; });
}

TEST_F(ClientConnectionTest, KeepsWhatTheClientDoesNotTakeAndSaysWhenItHas) {
  open(Kind::Upgraded);
  const std::string block(1 << 20, 'x');
  for (int i = 0; i < 4; ++i) connection_->write(block);
  EXPECT_GT(connection_->unsent(), 0U);
  std::size_t taken = 0;
  run_until([&] {
    taken += received().size();
    return recorder_.drained == 1;
  });
  taken += received().size();
  EXPECT_EQ(taken, 4 * block.size());
  EXPECT_EQ(connection_->unsent(), 0U);
}

TEST_F(ClientConnectionTest, ReadsNothingWhilePausedAndAllAfterwards) {
  open(Kind::Upgraded);
  connection_->pause_input();
  say("before it left");
  client_.reset();
  run_until([&] { return recorder_.has_hung_up; });
  EXPECT_EQ(recorder_.input, "");
  EXPECT_EQ(recorder_.gone, 0);
  connection_->resume_input();
  EXPECT_EQ(recorder_.input, "before it left");
  EXPECT_TRUE(recorder_.has_ended);
  EXPECT_EQ(recorder_.gone, 1);
}

TEST_F(ClientConnectionTest, FinishesForAClientThatIsStillTalking) {
  open(Kind::Upgraded);
  connection_->write("bye");
  connection_->finish();
  say("more input that nobody wants");
  EXPECT_EQ(received(), "bye");
  EXPECT_TRUE(has_end_);
  client_.reset();
  run_until([&] { return recorder_.gone == 1; });
  EXPECT_EQ(recorder_.input, "");
}

TEST_F(ClientConnectionTest, DropsWhatIsWrittenForAClientThatIsGone) {
  open(Kind::Chunked);
  client_.reset();
  connection_->write(std::string(1 << 20, 'x'));
  run_until([&] { return recorder_.gone == 1; });
  connection_->write("more");
  EXPECT_EQ(connection_->unsent(), 0U);
  EXPECT_EQ(recorder_.gone, 1);
}

}  // namespace
}  // namespace gantry::docker
