// SPDX-License-Identifier: Apache-2.0
#include "http/http2/connection.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "base/byte_stream.h"
#include "testing/must.h"

namespace gantry::http {
namespace {

struct Pair {
  UniqueFd left, right;
};

Pair socket_pair() {
  std::array<int, 2> fds{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()), 0);
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

// Both ends of one connection.
struct Ends {
  explicit Ends(Http2Connection::Handler handler, const Http2Options& options = {}) {
    Pair pair = socket_pair();
    server =
        MUST(Http2Connection::serve(MUST(Stream::over(std::move(pair.left))), std::move(handler), options));
    client = MUST(Http2Connection::connect(MUST(Stream::over(std::move(pair.right))), options));
  }
  std::unique_ptr<Http2Connection> server, client;
};

HeaderFields post(std::string path) {
  return {{":method", "POST"}, {":scheme", "http"}, {":path", std::move(path)}, {":authority", "test"}};
}

std::string read_all(Http2Exchange& exchange) {
  StringSink sink;
  MUST(copy(exchange, sink));
  return sink.text();
}

// The request's path and body come back, with the body's length behind it.
Result<void> try_echo(Http2Exchange& exchange) {
  const HeaderFields head = TRY(exchange.head());
  TRY(exchange.respond({{":status", "200"}, {"x-path", std::string(value_of(head, ":path"))}}));
  StringSink body;
  TRY(copy(exchange, body));
  TRY(exchange.write(body.text()));
  return exchange.finish({{"x-length", std::to_string(body.text().size())}});
}

void echo(const std::shared_ptr<Http2Exchange>& exchange) { MUST(try_echo(*exchange)); }

TEST(Http2, CarriesARequestAndItsAnswer) {
  Ends ends(echo);
  const auto exchange = MUST(ends.client->request(post("/one")));
  MUST(exchange->write("hello "));
  MUST(exchange->write("world"));
  MUST(exchange->finish());
  const HeaderFields head = MUST(exchange->head());
  EXPECT_EQ(value_of(head, ":status"), "200");
  EXPECT_EQ(value_of(head, "x-path"), "/one");
  EXPECT_EQ(read_all(*exchange), "hello world");
  EXPECT_EQ(value_of(exchange->trailers(), "x-length"), "11");
  EXPECT_FALSE(exchange->is_over());
}

TEST(Http2, ManyExchangesShareAConnection) {
  Ends ends(echo);
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int i = 0; i < 20; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 10; ++round) {
        const auto exchange = MUST(ends.client->request(post("/" + std::to_string(i))));
        MUST(exchange->write(std::to_string(round)));
        MUST(exchange->finish());
        const HeaderFields head = MUST(exchange->head());
        if (value_of(head, "x-path") == "/" + std::to_string(i) &&
            read_all(*exchange) == std::to_string(round))
          ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 200);
}

TEST(Http2, BodiesLargerThanAnyWindowGoBothWays) {
  Ends ends(echo, {.window = 70000});
  const std::string body(20 << 20, 'x');
  const auto exchange = MUST(ends.client->request(post("/large")));
  std::thread writer([&] {
    MUST(exchange->write(body));
    MUST(exchange->finish());
  });
  EXPECT_EQ(read_all(*exchange).size(), body.size());
  writer.join();
}

TEST(Http2, WhoDoesNotReadHoldsBackOnlyHisOwnExchange) {
  Ends ends(
      [](const std::shared_ptr<Http2Exchange>& exchange) {
        const HeaderFields head = MUST(exchange->head());
        MUST(exchange->respond({{":status", "200"}}));
        const std::string block(1 << 20, 'y');
        const int blocks = value_of(head, ":path") == "/endless" ? 1000 : 1;
        for (int i = 0; i < blocks; ++i)
          if (!exchange->write(block)) return;
        MUST(exchange->finish());
      },
      {.window = 100000});
  const auto lazy = MUST(ends.client->request(post("/endless"), true));
  MUST(lazy->head());
  const auto busy = MUST(ends.client->request(post("/short"), true));
  EXPECT_EQ(read_all(*busy).size(), 1u << 20);
}

TEST(Http2, AServerLearnsThatItsClientGaveUp) {
  std::atomic<bool> told = false;
  std::atomic<bool> ended = false;
  {
    Ends ends([&](const std::shared_ptr<Http2Exchange>& exchange) {
      exchange->on_over([&] { told = true; });
      MUST(exchange->respond({{":status", "200"}}));
      std::array<std::byte, 10> buffer{};
      EXPECT_EQ(exchange->read(buffer).error().code(), Code::Conflict);
      EXPECT_EQ(exchange->write("x").error().code(), Code::Conflict);
      EXPECT_TRUE(exchange->is_over());
      ended = true;
    });
    auto exchange = MUST(ends.client->request(post("/")));
    MUST(exchange->head());
    exchange.reset();
    while (!ended || !told) std::this_thread::yield();
  }
}

TEST(Http2, TheEndOfAConnectionEndsItsExchanges) {
  Ends ends([](const std::shared_ptr<Http2Exchange>& exchange) {
    std::array<std::byte, 10> buffer{};
    (void)exchange->read(buffer);
  });
  const auto exchange = MUST(ends.client->request(post("/")));
  ends.server.reset();
  EXPECT_EQ(exchange->head().error().code(), Code::Unavailable);
  ends.client->wait();
  EXPECT_EQ(ends.client->request(post("/")).error().code(), Code::Unavailable);
}

TEST(Http2, ClosingLetsWhatRunsFinish) {
  std::atomic<bool> go = false;
  Ends ends([&](const std::shared_ptr<Http2Exchange>& exchange) {
    while (!go) std::this_thread::yield();
    echo(exchange);
  });
  const auto exchange = MUST(ends.client->request(post("/last")));
  MUST(exchange->write("text"));
  MUST(exchange->finish());
  ends.client->close();
  go = true;
  EXPECT_EQ(read_all(*exchange), "text");
  ends.client->wait();
}

TEST(Http2, AnAnswerBeforeTheRequestsEndIsAnAnswer) {
  Ends ends([](const std::shared_ptr<Http2Exchange>& exchange) {
    MUST(exchange->respond({{":status", "413"}}, true));
  });
  const auto exchange = MUST(ends.client->request(post("/")));
  MUST(exchange->write("a part"));
  const HeaderFields head = MUST(exchange->head());
  EXPECT_EQ(value_of(head, ":status"), "413");
}

TEST(Http2, AHeadWithoutEndIsRefused) {
  Ends ends([](const std::shared_ptr<Http2Exchange>& exchange) { (void)try_echo(*exchange); },
            {.max_head = 4096});
  HeaderFields head = post("/");
  for (int i = 0; i < 100; ++i) head.emplace_back("x-" + std::to_string(i), std::string(100, 'v'));
  const auto exchange = MUST(ends.client->request(head, true));
  EXPECT_FALSE(exchange->head().has_value());
  const auto other = MUST(ends.client->request(post("/"), true));
  EXPECT_TRUE(other->head().has_value());
}

TEST(Http2, OtherBytesEndTheConnection) {
  Pair pair = socket_pair();
  const auto server = MUST(Http2Connection::serve(MUST(Stream::over(std::move(pair.left))), echo));
  Stream peer = MUST(Stream::over(std::move(pair.right)));
  const std::string_view nonsense = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  MUST(peer.write(std::as_bytes(std::span(nonsense))));
  server->wait();
  EXPECT_TRUE(server->is_over());
}

TEST(Http2, NobodyIsLeftWaitingWhenAServerGoesInTheMiddle) {
  for (int round = 0; round < 20; ++round) {
    Ends ends([](const std::shared_ptr<Http2Exchange>& exchange) { (void)try_echo(*exchange); });
    std::vector<std::shared_ptr<Http2Exchange>> exchanges;
    for (int i = 0; i < 10; ++i) exchanges.push_back(MUST(ends.client->request(post("/x"))));
    std::thread killer([&] { ends.server.reset(); });
    for (const auto& exchange : exchanges) {
      (void)exchange->write("abc");
      (void)exchange->finish();
      (void)exchange->head();
      std::array<std::byte, 10> buffer{};
      while (exchange->read(buffer).value_or(0) > 0) {
      }
    }
    killer.join();
  }
}

}  // namespace
}  // namespace gantry::http
