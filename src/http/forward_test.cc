// SPDX-License-Identifier: Apache-2.0
#include "http/forward.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "http/test_frames.h"
#include "http/test_peer.h"
#include "testing/must.h"

namespace gantry::http {
namespace {

using testing::RawPeer;
using testing::ScriptedServer;
using testing::TestFrames;

std::unique_ptr<Server> serve(Handler handler) {
  std::vector<Listener> listeners;
  listeners.push_back(MUST(Listener::tcp("127.0.0.1", 0)));
  return MUST(Server::start(std::move(listeners), std::move(handler)));
}

std::uint16_t port_of(const Server& server) { return server.listeners().front().port(); }

std::unique_ptr<StreamLoop> start_loop() { return MUST(StreamLoop::start("forwarded", 8)); }

// A proxy in front of 127.0.0.1:port.
struct Forwarding {
  explicit Forwarding(std::uint16_t port)
      : server(serve([this, port](Request& request, ResponseWriter& response) -> Result<void> {
          Url url = TRY(Url::parse(fmt::format("http://127.0.0.1:{}{}", port, request.head().target)));
          return pass_on(TRY(client.send(forwarded_request(request, std::move(url)))), request, response,
                         *loop);
        })) {}

  RawPeer connect() const { return RawPeer::connect(port_of(*server)); }
  std::string answer_to(std::string_view text) const {
    RawPeer peer = connect();
    peer.send(text);
    return peer.read_all();
  }

  Client client;
  std::unique_ptr<StreamLoop> loop = start_loop();
  std::unique_ptr<Server> server;
};

TEST(Forward, PassesOnWhatIsEndToEnd) {
  std::string asked;
  const auto backend = serve([&](Request& request, ResponseWriter& response) -> Result<void> {
    asked = fmt::format("{} {} '{}'", request.method(), request.head().target, TRY(request.read_body()));
    for (const Header& header : request.headers()) asked += "\n" + header.name + ": " + header.value;
    response.headers.set("X-Answer", "yes");
    return response.send(202, "done");
  });
  const Forwarding proxy(port_of(*backend));
  const std::string answer = proxy.answer_to(
      "POST /a%2Fb?c=d HTTP/1.1\r\nHost: x\r\nConnection: close, X-Hop\r\nX-Hop: no\r\nX-End: yes\r\n"
      "X-Forwarded-For: 192.0.2.1\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 202 ")) << answer;
  EXPECT_TRUE(answer.contains("X-Answer: yes\r\n") && answer.ends_with("\r\n\r\ndone")) << answer;
  EXPECT_TRUE(asked.starts_with("POST /a%2Fb?c=d 'abc'")) << asked;
  EXPECT_TRUE(asked.contains("\nX-End: yes") && !asked.contains("X-Hop")) << asked;
  EXPECT_TRUE(asked.contains("\nX-Forwarded-For: 192.0.2.1, 127.0.0.1")) << asked;
}

TEST(Forward, PassesOnABodyWhileItComes) {
  const auto frames = std::make_shared<TestFrames>();
  const auto backend =
      serve([&](Request&, ResponseWriter& response) { return response.stream(200, frames); });
  const Forwarding proxy(port_of(*backend));
  RawPeer peer = proxy.connect();
  peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(peer.read_head().starts_with("HTTP/1.1 200 "));
  for (const std::string_view line : {"one\n", "two\n"}) {
    frames->add(line);
    EXPECT_EQ(peer.read_to("\n\r\n"), fmt::format("4\r\n{}\r\n", line));
  }
  frames->end(FrameSource::State::End);
  EXPECT_EQ(peer.read_all(), "0\r\n\r\n");
}

TEST(Forward, CutsWhatTheServerBreaksOff) {
  const ScriptedServer backend([](RawPeer& peer) {
    peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n");
  });
  const Forwarding proxy(backend.port());
  const std::string answer = proxy.answer_to("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_FALSE(answer.ends_with("0\r\n\r\n")) << answer;
}

TEST(Forward, LetsGoOfTheServerWhenTheClientGoes) {
  std::atomic<bool> gone = false;
  auto frames = std::make_shared<TestFrames>();
  frames->gone = &gone;
  auto backend = serve([&](Request&, ResponseWriter& response) {
    return response.stream(200, std::exchange(frames, nullptr));
  });
  const Forwarding proxy(port_of(*backend));
  {
    RawPeer peer = proxy.connect();
    peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    peer.read_head();
  }
  while (!gone) ::usleep(1'000);
}

TEST(Forward, PassesAnUpgradeThrough) {
  const ScriptedServer backend([](RawPeer& peer) {
    const std::string head = peer.read_head();
    EXPECT_TRUE(head.contains("Upgrade: SPDY/3.1\r\n") && head.contains("X-Stream: v4\r\n")) << head;
    peer.send(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
        "X-Stream: v4\r\n\r\nhello");
    EXPECT_EQ(peer.read(4), "ping");
    peer.send("pong");
  });
  const Forwarding proxy(backend.port());
  RawPeer peer = proxy.connect();
  peer.send(
      "POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream: v4\r\n\r\nping");
  const std::string head = peer.read_head();
  EXPECT_TRUE(head.starts_with("HTTP/1.1 101 ") && head.contains("X-Stream: v4\r\n")) << head;
  EXPECT_EQ(peer.read(9), "hellopong");
  EXPECT_EQ(peer.read_all(), "");
}

TEST(Forward, RefusesAProtocolThatNobodyAskedFor) {
  const ScriptedServer backend([](RawPeer& peer) {
    peer.read_head();
    peer.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: mine\r\n\r\n");
  });
  const Forwarding proxy(backend.port());
  RawPeer peer = proxy.connect();
  peer.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: yours\r\n\r\n");
  EXPECT_TRUE(peer.read_head().starts_with("HTTP/1.1 5"));
}

}  // namespace
}  // namespace gantry::http
