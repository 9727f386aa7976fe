// SPDX-License-Identifier: Apache-2.0
#include "engine/log_connection.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <string>

#include "base/byte_stream.h"
#include "http/listener.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::engine {
namespace {

struct Connection : ::testing::Test {
  ThreadPool dialers{{}};
  std::unique_ptr<EventLoop> loop;
  std::optional<LogConnection> connection;

  Connection() { loop = std::make_unique<EventLoop>(MUST(EventLoop::make())); }
  void connect(LogAddress address) {
    connection.emplace(*loop, dialers, std::move(address), [] {});
  }
  void connect_to(const http::Listener& listener) {
    connect({.kind = LogAddress::Kind::Tcp, .host = "127.0.0.1", .port = listener.port()});
  }
  // Until it has gone out, or failed.
  Result<void> send(std::string_view record, std::string_view receipt = {}) {
    for (;;) {
      Result<void> sent = connection->send(record, receipt);
      if (sent || sent.error().errno_value() != EAGAIN) return sent;
      MUST(loop->run_once());
    }
  }
};

http::Stream accept(const http::Listener& listener) {
  return MUST(http::Stream::over(UniqueFd(::accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC))));
}

std::string read(http::Stream& stream, std::size_t size) {
  std::string text(size, '\0');
  std::size_t got = 0;
  while (got < size) {
    const std::size_t more = MUST(stream.read(std::as_writable_bytes(std::span(text).subspan(got))));
    if (more == 0) break;
    got += more;
  }
  return text.substr(0, got);
}

TEST_F(Connection, IsMadeWhenThereIsSomethingToSend) {
  const http::Listener listener = MUST(http::Listener::tcp("127.0.0.1", 0));
  connect_to(listener);
  EXPECT_EQ(connection->send("one\n").error().errno_value(), EAGAIN);
  MUST(send("one\n"));
  MUST(send("two\n"));
  http::Stream service = accept(listener);
  EXPECT_EQ(read(service, 8), "one\ntwo\n");
}

TEST_F(Connection, ThatNobodyTakesIsAnErrorAndIsTriedAgain) {
  testing::TempDir dir;
  connect({.kind = LogAddress::Kind::Unix, .path = dir / "log"});
  EXPECT_EQ(send("x").error().errno_value(), ENOENT);
  const http::Listener listener = MUST(http::Listener::unix_socket(dir / "log", 0600));
  MUST(send("x"));
  http::Stream service = accept(listener);
  EXPECT_EQ(read(service, 1), "x");
}

TEST_F(Connection, AHostThatRefusesIsAnError) {
  std::uint16_t port = 0;
  {
    const http::Listener listener = MUST(http::Listener::tcp("127.0.0.1", 0));
    port = listener.port();
  }
  connect({.kind = LogAddress::Kind::Tcp, .host = "127.0.0.1", .port = port});
  const Result<void> sent = send("x");
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code(), Code::Unavailable);
  EXPECT_NE(sent.error().message().find("log service tcp://127.0.0.1:"), std::string::npos);
}

TEST_F(Connection, ThatTheServiceHasClosedIsMadeAnewBeforeTheNextRecord) {
  const http::Listener listener = MUST(http::Listener::tcp("127.0.0.1", 0));
  connect_to(listener);
  MUST(send("one\n"));
  {
    http::Stream service = accept(listener);
  }
  MUST(loop->run_once());  // the end is noticed
  MUST(send("two\n"));
  http::Stream service = accept(listener);
  EXPECT_EQ(read(service, 4), "two\n");
}

TEST_F(Connection, ARecordThatDoesNotFitGoesOnWhereItStopped) {
  const http::Listener listener = MUST(http::Listener::tcp("127.0.0.1", 0));
  connect_to(listener);
  std::string record;
  for (int i = 0; record.size() < (8u << 20); ++i) record += std::to_string(i) + " ";
  Result<void> sent = connection->send(record);
  MUST(loop->run_once());
  http::Stream service = accept(listener);
  std::string received;
  while (!(sent = connection->send(record))) {
    ASSERT_EQ(sent.error().errno_value(), EAGAIN);
    received += read(service, 4096);
  }
  received += read(service, record.size() - received.size());
  EXPECT_EQ(received, record);
}

TEST_F(Connection, ARecordIsSentWhenItIsAcknowledged) {
  const http::Listener listener = MUST(http::Listener::tcp("127.0.0.1", 0));
  connect_to(listener);
  EXPECT_EQ(connection->send("one", "taken").error().errno_value(), EAGAIN);
  MUST(loop->run_once());
  EXPECT_EQ(connection->send("one", "taken").error().errno_value(), EAGAIN) << "written, not acknowledged";
  http::Stream service = accept(listener);
  EXPECT_EQ(read(service, 3), "one");
  MUST(service.write(bytes_of("tak")));
  MUST(loop->run_once());
  EXPECT_EQ(connection->send("one", "taken").error().errno_value(), EAGAIN);
  MUST(service.write(bytes_of("en")));
  MUST(send("one", "taken"));
  EXPECT_EQ(connection->send("two", "taken").error().errno_value(), EAGAIN);
  EXPECT_EQ(read(service, 3), "two") << "once";
}

TEST_F(Connection, AnotherReceiptIsAFailureAndTheRecordIsSentAgain) {
  const http::Listener listener = MUST(http::Listener::tcp("127.0.0.1", 0));
  connect_to(listener);
  MUST(send("one"));
  http::Stream service = accept(listener);
  EXPECT_EQ(connection->send("two", "taken").error().errno_value(), EAGAIN);
  EXPECT_EQ(read(service, 6), "onetwo");
  MUST(service.write(bytes_of("mine?")));
  const Result<void> refused = send("two", "taken");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("something else"), std::string::npos);
  MUST(send("two"));
  http::Stream other = accept(listener);
  EXPECT_EQ(read(other, 3), "two");
}

TEST_F(Connection, MayGoWhileItIsBeingMade) {
  const http::Listener listener = MUST(http::Listener::tcp("127.0.0.1", 0));
  connect_to(listener);
  (void)connection->send("x");
  connection.reset();
}

}  // namespace
}  // namespace gantry::engine
