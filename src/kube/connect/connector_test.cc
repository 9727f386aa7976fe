// SPDX-License-Identifier: Apache-2.0
#include "kube/connect/connector.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/hex.h"
#include "base/split.h"
#include "http/spdy/session.h"
#include "http/test_frames.h"
#include "http/test_identity.h"
#include "http/test_peer.h"
#include "http/websocket_stream.h"
#include "kube/api/stored_kinds.h"
#include "kube/api/test_objects.h"
#include "testing/must.h"

namespace gantry::kube {
namespace {

using http::Request;
using http::ResponseWriter;
using http::testing::RawPeer;

std::unique_ptr<http::StreamLoop> start_loop() { return MUST(http::StreamLoop::start("streams", 8)); }

std::unique_ptr<http::Server> serve(http::Handler handler, std::shared_ptr<const http::TlsContext> tls = {}) {
  http::Listener listener = MUST(http::Listener::tcp("127.0.0.1", 0));
  std::vector<http::Listener> listeners;
  listeners.push_back(tls ? std::move(listener).with_tls(std::move(tls)) : std::move(listener));
  return MUST(http::Server::start(std::move(listeners), std::move(handler)));
}

// What comes after the head stays in the socket.
std::string read_head_alone(int socket) {
  std::string head;
  for (char byte = 0; !head.ends_with("\r\n\r\n") && ::recv(socket, &byte, 1, 0) == 1;) head += byte;
  return head;
}

// A node with an agent that takes the API server's certificate alone, and the API server in front of it:
// "/pods/web/log" is pods/log of "web".
class Connect : public ::testing::Test {
 protected:
  Connect() {
    const std::uint16_t port = agent_->listeners().front().port();
    put_node(port, "[]");
    objects_.put(stored::kPods, pod_of("n1"));
  }

  void put_node(std::uint16_t port, std::string_view features) {
    objects_.put(stored::kNodes, fmt::format(R"({{"metadata":{{"name":"n1"}},"status":{{"declaredFeatures":{},
                   "addresses":[{{"type":"InternalIP","address":"127.0.0.1"}}],
                   "daemonEndpoints":{{"kubeletEndpoint":{{"Port":{}}}}}}}}})",
                                             features, port));
  }
  static std::string pod_of(std::string_view node) {
    return fmt::format(R"({{"metadata":{{"namespace":"a","name":"web"}},"spec":{{"nodeName":"{}",
      "containers":[{{"name":"main","ports":[{{"containerPort":8080}}]}}]}},"status":{{"podIP":"127.0.0.1"}}}})",
                       node);
  }
  std::uint16_t agent_port() const { return agent_->listeners().front().port(); }

  RawPeer ask(std::string_view request) const {
    RawPeer peer = RawPeer::connect(front_->listeners().front().port());
    peer.send(request);
    return peer;
  }
  std::string get(std::string_view path, std::string_view more = "") const {
    return ask(fmt::format("GET {} HTTP/1.1\r\nHost: api\r\nConnection: close\r\n{}\r\n", path, more))
        .read_all();
  }

  Result<void> front(Request& request, ResponseWriter& response) {
    const std::string path(request.path());
    const auto parts = split_words(std::string_view(path).substr(1), '/');
    const auto query = TRY(http::Query::parse(request.query()));
    const std::size_t fixed = parts[0].size() + parts[1].size() + parts[2].size() + 3;
    const auto answered = connector_.connect({.request = request,
                                              .response = response,
                                              .query = query,
                                              .resource = parts[0],
                                              .subresource = parts[2],
                                              .name_space = "a",
                                              .name = parts[1],
                                              .rest = std::string_view(path).substr(fixed)});
    if (answered) return {};
    if (response.has_started()) return error(Code::DataLoss, "{}", answered.error()->message);
    return response.send(answered.error()->code, answered.error()->message);
  }

  http::testing::TestAuthority authority_;
  std::string asked_;  // of the agent: its last request line
  http::Handler agent_handler_ = [](Request&, ResponseWriter& response) {
    return response.send(200, "hello\n");
  };
  std::unique_ptr<http::Server> agent_ = serve(
      [this](Request& request, ResponseWriter& response) {
        asked_ = request.method() + " " + request.head().target;
        EXPECT_EQ(request.peer().certificate->common_name, "api-server");
        EXPECT_FALSE(request.headers().has("Authorization"));
        return agent_handler_(request, response);
      },
      *http::TlsContext::for_server({.identity = authority_.issue("agent", "IP:127.0.0.1"),
                                     .client_ca_files = {authority_.ca_file()}}));
  testing::TestObjects objects_;
  NodeAgents agents_{{.authority_file = authority_.ca_file(), .identity = authority_.issue("api-server", "")},
                     objects_};
  std::unique_ptr<http::StreamLoop> loop_ = start_loop();
  Connector connector_{{.objects = objects_, .agents = agents_, .loop = *loop_}};
  std::unique_ptr<http::Server> front_ =
      serve([this](Request& request, ResponseWriter& response) { return front(request, response); });
};

TEST_F(Connect, ShowsALog) {
  const std::string answer = get("/pods/web/log?tailLines=1", "Authorization: Bearer secret\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\nhello\n")) << answer;
  EXPECT_TRUE(answer.contains("Content-Type: text/plain\r\n")) << answer;
  EXPECT_EQ(asked_, "GET /containerLogs/a/web/main?tailLines=1");
}

TEST_F(Connect, FollowsALog) {
  const auto lines = std::make_shared<http::testing::TestFrames>();
  agent_handler_ = [&](Request&, ResponseWriter& response) { return response.stream(200, lines); };
  RawPeer peer = ask("GET /pods/web/log?follow=true HTTP/1.1\r\nHost: api\r\n\r\n");
  peer.read_head();
  lines->add("one\n");
  EXPECT_EQ(peer.read_to("one\n\r\n"), "4\r\none\n\r\n");
  lines->end(http::FrameSource::State::End);
  EXPECT_EQ(peer.read_all(), "0\r\n\r\n");
}

TEST_F(Connect, HandsOnWhyThereIsNoLog) {
  agent_handler_ = [](Request&, ResponseWriter& response) {
    return response.send(400, "container \"main\" in pod \"web\" is waiting to start\n");
  };
  const std::string answer = get("/pods/web/log");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\ncontainer \"main\" in pod \"web\" is waiting to start")) << answer;
}

TEST_F(Connect, SaysWhatIsMissing) {
  EXPECT_TRUE(get("/pods/nope/log").ends_with("pods \"nope\" not found"));
  EXPECT_TRUE(get("/pods/web/exec?command=ls").ends_with("Upgrade request required"));
  objects_.put(stored::kPods, pod_of("gone"));
  EXPECT_TRUE(get("/pods/web/log").ends_with("nodes \"gone\" not found"));
  objects_.put(stored::kPods, pod_of(""));
  EXPECT_TRUE(get("/pods/web/exec").ends_with("pod web does not have a host assigned"));
  EXPECT_TRUE(get("/pods/web/log").starts_with("HTTP/1.1 200 "));
  objects_.put(stored::kPods, pod_of("n1"));
  put_node(1, "[]");
  const std::string answer = get("/pods/web/attach", "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 500 ") && answer.contains("error dialing backend: ")) << answer;
}

TEST_F(Connect, PassesSessionsThrough) {
  agent_handler_ = [](Request& request, ResponseWriter& response) -> Result<void> {
    EXPECT_EQ(request.headers().get("X-Stream-Protocol-Version"), "v4.channel.k8s.io");
    response.headers = {{"Connection", "Upgrade"}, {"Upgrade", "SPDY/3.1"}};
    http::Stream stream = TRY(response.hijack(101));
    std::array<std::byte, 4> word;
    TRY(stream.read(word));
    return stream.write(bytes_of(fmt::format("got {}", text_of(word))));
  };
  RawPeer peer =
      ask("POST /pods/web/exec?command=sh&stdin=true HTTP/1.1\r\nHost: api\r\nConnection: Upgrade\r\n"
          "Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\nword");
  EXPECT_TRUE(peer.read_head().starts_with("HTTP/1.1 101 "));
  EXPECT_EQ(peer.read(8), "got word");
  EXPECT_EQ(asked_, "POST /exec/a/web/main?input=1&command=sh");
}

// What the agent answers to one who wants to forward ports by a tunnel; it echoes.
Result<void> echo_upgraded(Request& request, ResponseWriter& response) {
  response.headers = {{"Connection", "Upgrade"},
                      {"Upgrade", std::string(request.headers().get_or("Upgrade", ""))}};
  http::Stream stream = TRY(response.hijack(101));
  std::array<std::byte, 64> bytes;
  const std::size_t got = TRY(stream.read(bytes));
  return stream.write(std::span(bytes).first(got));
}

constexpr std::string_view kTunnelRequest =
    "GET /pods/web/portforward HTTP/1.1\r\nHost: api\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io\r\n\r\n";

TEST_F(Connect, EndsATunnelThatTheAgentDoesNotTake) {
  agent_handler_ = [](Request& request, ResponseWriter& response) {
    EXPECT_EQ(request.headers().get("Upgrade"), "SPDY/3.1");
    EXPECT_EQ(request.headers().get("X-Stream-Protocol-Version"), "portforward.k8s.io");
    EXPECT_FALSE(request.headers().has("Sec-WebSocket-Key"));
    return echo_upgraded(request, response);
  };
  RawPeer peer = ask(kTunnelRequest);
  const std::string head = read_head_alone(peer.fd());
  EXPECT_TRUE(head.contains("Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io\r\n")) << head;
  EXPECT_TRUE(head.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n")) << head;
  http::WebSocketStream socket(MUST(http::Stream::over(peer.take())), http::WebSocket::Side::Client);
  MUST(socket.send(http::WebSocket::Kind::Binary, "frames"));
  EXPECT_EQ(MUST(socket.receive())->data, "frames");
  EXPECT_EQ(asked_, "POST /portForward/a/web");
}

TEST_F(Connect, LeavesATunnelToAnAgentThatTakesIt) {
  put_node(agent_port(), R"(["ExtendWebSocketsToKubelet"])");
  agent_handler_ = [](Request& request, ResponseWriter& response) {
    EXPECT_EQ(request.headers().get("Upgrade"), "websocket");
    EXPECT_TRUE(request.headers().has("Sec-WebSocket-Key"));
    return echo_upgraded(request, response);
  };
  RawPeer peer = ask(kTunnelRequest);
  peer.read_head();
  peer.send("as it is");
  EXPECT_EQ(peer.read(8), "as it is");
  EXPECT_EQ(asked_, "GET /portForward/a/web");
}

TEST_F(Connect, TranslatesAnExecForAnAgentThatSpeaksSpdyAlone) {
  agent_handler_ = [](Request& request, ResponseWriter& response) -> Result<void> {
    EXPECT_EQ(request.headers().get("X-Stream-Protocol-Version"), "v4.channel.k8s.io");
    response.headers = {{"Connection", "Upgrade"}, {"Upgrade", "SPDY/3.1"}};
    http::Stream stream = TRY(response.hijack(101));
    http::spdy::Session session(http::spdy::Session::Side::Server);
    std::array<std::byte, 1024> bytes;
    for (int opened = 0; opened < 2;) {
      session.feed(text_of(std::span(bytes).first(TRY(stream.read(bytes)))));
      while (const auto event = TRY(session.next())) {
        ++opened;
        session.reply(event->stream);
        session.send(event->stream, event->headers.get_or("streamtype", ""));
        session.finish(event->stream);
      }
    }
    return stream.write(bytes_of(session.take_output()));
  };
  RawPeer peer =
      ask("GET /pods/web/exec?command=ls&stdout=true HTTP/1.1\r\nHost: api\r\nConnection: Upgrade\r\n"
          "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
          "Sec-WebSocket-Protocol: v5.channel.k8s.io, v4.channel.k8s.io\r\n\r\n");
  EXPECT_TRUE(read_head_alone(peer.fd()).contains("Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n"));
  http::WebSocketStream socket(MUST(http::Stream::over(peer.take())), http::WebSocket::Side::Client);
  for (const char* message : {"\1", "\1stdout", "\3error"}) EXPECT_EQ(MUST(socket.receive())->data, message);
  EXPECT_EQ(MUST(socket.receive())->kind, http::WebSocket::Kind::Close);
  EXPECT_EQ(asked_, "POST /exec/a/web/main?output=1&command=ls");
}

TEST_F(Connect, IsAProxyOfTheNodesAgent) {
  EXPECT_TRUE(get("/nodes/n1/proxy/stats/a%2Fb?only=1").ends_with("hello\n"));
  EXPECT_EQ(asked_, "GET /stats/a%2Fb?only=1");
  const std::string answer = get("/nodes/n1/proxy?a=b");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 301 ") && answer.contains("Location: /nodes/n1/proxy/?a=b\r\n"));
  EXPECT_TRUE(get("/nodes/n1:80/proxy/").ends_with("address not allowed"));
  EXPECT_TRUE(get("/nodes/n2/proxy/").ends_with("nodes \"n2\" not found"));
}

TEST_F(Connect, RewritesRedirectsOfWhatItIsAProxyOf) {
  agent_handler_ = [](Request&, ResponseWriter& response) {
    response.headers.set("Location", "/elsewhere");
    return response.send(302);
  };
  EXPECT_TRUE(get("/nodes/n1/proxy/x").contains("Location: /nodes/n1/proxy/elsewhere\r\n"));
}

TEST_F(Connect, LeadsLinksOfPagesBackThroughTheProxy) {
  agent_handler_ = [](Request& request, ResponseWriter& response) {
    EXPECT_EQ(request.headers().get("Accept-Encoding"), "identity");
    response.headers = {{"Content-Type", "text/html; charset=utf-8"}, {"Access-Control-Allow-Origin", "*"}};
    return response.send(200, "<a href='/stats'>stats</a>");
  };
  const std::string answer = get("/nodes/n1/proxy/x", "Accept: text/html\r\nAccept-Encoding: gzip\r\n");
  EXPECT_TRUE(answer.contains("<a href='/nodes/n1/proxy/stats'>stats</a>")) << answer;
  EXPECT_FALSE(answer.contains("Access-Control") || answer.contains("Content-Length")) << answer;
}

// gzip of Python, of the page above.
TEST_F(Connect, LeadsLinksOfCompressedPagesBackToo) {
  agent_handler_ = [](Request&, ResponseWriter& response) {
    response.headers = {{"Content-Type", "text/html"}, {"Content-Encoding", "gzip"}};
    return response.send(
        200,
        *from_hex("1f8b0800000000000203b34954c8284a4db355d72f2e492c2956b7035336fa897600c595e6391a000000"));
  };
  const std::string answer = get("/nodes/n1/proxy/x", "Accept-Encoding: gzip\r\n");
  EXPECT_TRUE(answer.contains("<a href='/nodes/n1/proxy/stats'>stats</a>")) << answer;
  EXPECT_FALSE(answer.contains("Content-Encoding")) << answer;
}

TEST_F(Connect, LeavesWhatIsNoPageAsItIs) {
  agent_handler_ = [](Request& request, ResponseWriter& response) {
    response.headers.set("Content-Type", request.path() == "/packed" ? "text/html" : "text/plain");
    if (request.path() == "/packed") response.headers.set("Content-Encoding", "br");
    return response.send(200, "<a href='/stats'>stats</a>");
  };
  for (const char* path : {"/nodes/n1/proxy/packed", "/nodes/n1/proxy/text"})
    EXPECT_TRUE(get(path).ends_with("\r\n\r\n<a href='/stats'>stats</a>")) << path;
}

TEST_F(Connect, IsNoWayToTheServersOwnHost) {
  EXPECT_TRUE(get("/pods/web/proxy/").ends_with("address not allowed"));
  objects_.put(stored::kServices,
               R"({"metadata":{"namespace":"a","name":"web"},"spec":{"ports":[{"name":"http","port":80}]}})");
  EXPECT_TRUE(get("/services/web/proxy/").ends_with("no endpoints available for service \"web\""));
  objects_.put(stored::kEndpoints, R"({"metadata":{"namespace":"a","name":"web"},
    "subsets":[{"addresses":[{"ip":"127.0.0.1"}],"ports":[{"name":"http","port":8080}]}]})");
  EXPECT_TRUE(get("/services/web:80/proxy/").ends_with("address not allowed"));
  EXPECT_TRUE(get("/services/web:90/proxy/").starts_with("HTTP/1.1 503 "));
  EXPECT_TRUE(get("/services/nope/proxy/").ends_with("services \"nope\" not found"));
}

}  // namespace
}  // namespace gantry::kube
