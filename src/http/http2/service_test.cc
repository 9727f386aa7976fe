// SPDX-License-Identifier: Apache-2.0
#include "http/http2/service.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "http/http2/connection.h"
#include "http/http2/tls.h"
#include "http/test_frames.h"
#include "http/test_identity.h"
#include "http/test_peer.h"
#include "testing/must.h"

namespace gantry::http {
namespace {

using testing::RawPeer;
using testing::TestAuthority;
using testing::TestFrames;

// A server with TLS that speaks both, and a client of it that speaks HTTP/2.
class Both {
 public:
  explicit Both(Handler handler, Http2ServiceOptions http2_options = {}) {
    http2_ = std::make_unique<Http2Service>(handler, std::move(http2_options));
    std::vector<Listener> listeners;
    const auto tls = MUST(TlsContext::for_server({.identity = authority_.issue("server", "IP:127.0.0.1"),
                                                  .client_ca_files = {},
                                                  .offers_http2 = true}));
    listeners.push_back(MUST(Listener::tcp("127.0.0.1", 0)).with_tls(tls));
    server_ = MUST(Server::start(std::move(listeners), std::move(handler),
                                 {.on_http2 = [this](Stream stream, Peer peer) {
                                   http2_->take(std::move(stream), std::move(peer));
                                 }}));
  }
  ~Both() { end(); }
  void end() {
    server_.reset();
    http2_.reset();
  }

  std::unique_ptr<Http2Connection> connect() {
    Stream stream = MUST(Stream::over(RawPeer::connect(server_->listeners().front().port()).take()));
    const auto context = MUST(
        tls_for_http2_client({.trust_system = false, .ca_files = {authority_.ca_file()}, .identity = {}}));
    MUST(stream.start_tls(*context, "127.0.0.1"));
    EXPECT_EQ(stream.chosen_protocol(), "h2");
    return MUST(Http2Connection::connect(std::move(stream)));
  }

 private:
  TestAuthority authority_;
  std::unique_ptr<Http2Service> http2_;
  std::unique_ptr<Server> server_;
};

HeaderFields ask(const std::string& method, const std::string& path) {
  return {{":method", method}, {":scheme", "https"}, {":path", path}, {":authority", "test"}};
}

std::string read_all(Http2Exchange& exchange) {
  StringSink sink;
  MUST(copy(exchange, sink));
  return sink.text();
}

Result<void> echo(Request& request, ResponseWriter& response) {
  const std::string body = TRY(request.read_body());
  response.headers.set("X-Host", std::string(request.headers().get_or("host", "")));
  return response.send(200, request.method() + " " + request.head().target + " '" + body + "'");
}

TEST(Http2Service, ServesTheHandlersOfAServer) {
  Both both(echo);
  const auto client = both.connect();
  const auto get = MUST(client->request(ask("GET", "/a?b"), true));
  const HeaderFields head = MUST(get->head());
  EXPECT_EQ(value_of(head, ":status"), "200");
  EXPECT_EQ(value_of(head, "x-host"), "test");
  EXPECT_EQ(value_of(head, "content-length"), "11");
  EXPECT_EQ(read_all(*get), "GET /a?b ''");

  const auto post = MUST(client->request(ask("POST", "/p")));
  const std::string body(200'000, 'x');
  MUST(post->write(body));
  MUST(post->finish());
  EXPECT_EQ(read_all(*post), "POST /p '" + body + "'");

  const auto only_head = MUST(client->request(ask("HEAD", "/h"), true));
  EXPECT_EQ(value_of(MUST(only_head->head()), "content-length"), "10");
  EXPECT_EQ(read_all(*only_head), "");
}

TEST(Http2Service, KnowsThatARequestHasNoBody) {
  Both both([](Request& request, ResponseWriter& response) {
    const auto length = request.body_length();
    return response.send(200, length ? std::to_string(*length) : "not known");
  });
  const auto client = both.connect();
  const auto get = MUST(client->request(ask("GET", "/"), true));
  EXPECT_EQ(read_all(*get), "0");
  const auto post = MUST(client->request(ask("POST", "/")));
  EXPECT_EQ(read_all(*post), "not known");
}

TEST(Http2Service, ErrorsOfHandlersHaveAStatus) {
  Both both([](Request&, ResponseWriter&) -> Result<void> { return error(Code::NotFound, "nothing there"); });
  const auto client = both.connect();
  const auto exchange = MUST(client->request(ask("GET", "/"), true));
  EXPECT_EQ(value_of(MUST(exchange->head()), ":status"), "404");
  EXPECT_EQ(read_all(*exchange), "nothing there\n");
}

TEST(Http2Service, ABodyThatIsTooLargeIsRefused) {
  Both both(echo, {.max_body = 1000});
  const auto client = both.connect();
  const auto exchange = MUST(client->request(ask("POST", "/")));
  MUST(exchange->write(std::string(1001, 'x')));
  MUST(exchange->finish());
  EXPECT_EQ(value_of(MUST(exchange->head()), ":status"), "413");
}

TEST(Http2Service, ABodyThatDripsIsGivenUp) {
  Both both(echo, {.body_timeout = std::chrono::milliseconds(200)});
  const auto client = both.connect();
  const auto exchange = MUST(client->request(ask("POST", "/")));
  std::jthread dripping([&](const std::stop_token& stop) {
    while (!stop.stop_requested() && exchange->write("x"))
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
  });
  EXPECT_EQ(value_of(MUST(exchange->head()), ":status"), "504");
}

TEST(Http2Service, AConnectionWithoutARequestEndsAndOneWithAnAnswerThatGoesOnDoesNot) {
  const auto frames = std::make_shared<TestFrames>();
  Both both([&](Request&, ResponseWriter& response) { return response.stream(200, frames); },
            {.idle_timeout = std::chrono::milliseconds(400)});
  const auto busy = both.connect();
  const auto watch = MUST(busy->request(ask("GET", "/"), true));
  MUST(watch->head());
  const auto idle = both.connect();  // when it ends, nothing has been said on the other for as long
  idle->wait();
  frames->add("there");
  frames->end(FrameSource::State::End);
  EXPECT_EQ(read_all(*watch), "there");
  busy->wait();
}

TEST(Http2Service, ManyAnswersGoOnAtOnceAfterTheirHandlersHaveReturned) {
  std::vector<std::shared_ptr<TestFrames>> sources;
  for (int i = 0; i < 100; ++i) sources.push_back(std::make_shared<TestFrames>());
  Both both(
      [&](Request& request, ResponseWriter& response) {
        return response.stream(
            200, sources[static_cast<std::size_t>(std::stoi(std::string(request.path().substr(1))))]);
      },
      {.max_handlers = 1});
  const auto client = both.connect();
  std::vector<std::shared_ptr<Http2Exchange>> watches;
  for (int i = 0; i < 100; ++i) {
    watches.push_back(MUST(client->request(ask("GET", "/" + std::to_string(i)), true)));
    EXPECT_EQ(value_of(MUST(watches.back()->head()), ":status"), "200");
  }
  const std::string large(100'000, 'x');
  for (const auto& source : sources) source->add("one ");
  for (const auto& source : sources) {
    source->add(large);
    source->end(FrameSource::State::End);
  }
  for (const auto& watch : watches) EXPECT_EQ(read_all(*watch), "one " + large);
}

TEST(Http2Service, ASourceGoesWithItsExchangeItsConnectionAndTheServer) {
  std::atomic<bool> gone[3] = {};
  Both both([&](Request& request, ResponseWriter& response) {
    const auto frames = std::make_shared<TestFrames>();
    frames->gone = &gone[request.path()[1] - '0'];
    return response.stream(200, frames);
  });
  auto client = both.connect();
  const auto open = [](Http2Connection& connection, const char* path) {
    auto exchange = MUST(connection.request(ask("GET", path), true));
    MUST(exchange->head());
    return exchange;
  };
  open(*client, "/0")->cancel();
  while (!gone[0]) std::this_thread::yield();
  const auto second = open(*client, "/1");
  client.reset();
  while (!gone[1]) std::this_thread::yield();
  client = both.connect();
  const auto third = open(*client, "/2");
  both.end();
  EXPECT_TRUE(gone[2]);
}

TEST(Http2Service, ASourceThatIsCutBreaksTheAnswer) {
  const auto frames = std::make_shared<TestFrames>();
  Both both([&](Request&, ResponseWriter& response) { return response.stream(200, frames); });
  const auto client = both.connect();
  const auto exchange = MUST(client->request(ask("GET", "/"), true));
  MUST(exchange->head());
  frames->end(FrameSource::State::Cut);
  std::byte byte;
  EXPECT_FALSE(exchange->read({&byte, 1}));
}

}  // namespace
}  // namespace gantry::http
