// SPDX-License-Identifier: Apache-2.0
//
// The client behind proxies of every kind.
#include "http/proxy.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <cstdlib>
#include <functional>
#include <string>

#include "http/client.h"
#include "http/server.h"
#include "http/test_identity.h"
#include "http/test_peer.h"
#include "testing/must.h"

namespace gantry::http {
namespace {

using testing::RawPeer;
using testing::ScriptedServer;
using testing::TestAuthority;

Url url_of(const std::string& text) { return MUST(Url::parse(text)); }

std::string body_of(Result<ClientResponse> response) {
  if (!response) return response.error().message();
  return MUST(response->read_body());
}

// Answers with method, target and host of what was asked.
class Origin {
 public:
  explicit Origin(std::shared_ptr<const TlsContext> tls = nullptr) {
    std::vector<Listener> listeners;
    listeners.push_back(MUST(Listener::tcp("127.0.0.1", 0)).with_tls(std::move(tls)));
    server_ = MUST(Server::start(std::move(listeners), [](Request& request, ResponseWriter& response) {
      return response.send(200, request.method() + " " + request.head().target + " " +
                                    std::string(request.headers().get_or("Host", "?")));
    }));
  }
  std::uint16_t port() const { return server_->listeners().front().port(); }

 private:
  std::unique_ptr<Server> server_;
};

std::shared_ptr<const TlsContext> server_tls(TestAuthority& authority, const std::string& host) {
  return MUST(TlsContext::for_server({.identity = authority.issue("server", "DNS:" + host)}));
}

// Both ways, until one of them ends.
void pump(Stream& a, Stream& b) {
  Stream* const both[] = {&a, &b};
  for (;;) {
    pollfd waiting[] = {{.fd = a.fd(), .events = POLLIN}, {.fd = b.fd(), .events = POLLIN}};
    if (!a.has_buffered() && !b.has_buffered() && ::poll(waiting, 2, -1) < 0) return;
    for (int from = 0; from < 2; ++from) {
      std::byte buffer[4096];
      const auto got = both[from]->try_read(buffer);
      if (!got) return;
      if (got->wants != Stream::Wants::Nothing) continue;
      if (got->bytes == 0 || !both[1 - from]->write(std::span(buffer, got->bytes))) return;
    }
  }
}

std::string read_head(Stream& stream) {
  std::string head;
  std::byte one[1];
  while (!head.ends_with("\r\n\r\n")) {
    const auto got = stream.read(one);
    if (!got || *got == 0) break;
    head += static_cast<char>(one[0]);
  }
  return head;
}

// A proxy that knows one server, whatever it is asked for.
class TinyProxy {
 public:
  explicit TinyProxy(std::uint16_t target, std::shared_ptr<const TlsContext> tls = nullptr)
      : server_([this, target, tls](RawPeer& client) { serve(client, target, tls); }) {}
  std::string authority() const { return "user:pass@127.0.0.1:" + std::to_string(server_.port()); }
  Proxy proxy() const { return MUST(Proxy::parse("http://" + authority())); }
  Proxy tls_proxy() const {
    return MUST(Proxy::parse("https://user:pass@localhost:" + std::to_string(server_.port())));
  }
  const std::string& asked() const { return asked_; }

 private:
  void serve(RawPeer& peer, std::uint16_t target, const std::shared_ptr<const TlsContext>& tls) {
    Stream client = MUST(Stream::over(UniqueFd(::dup(peer.fd()))));
    if (tls) MUST(client.accept_tls(*tls));
    asked_ = read_head(client);
    if (!asked_.starts_with("CONNECT"))
      return answer(client, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nproxy");
    if (asked_.starts_with("CONNECT denied")) return answer(client, "HTTP/1.1 407 Who are you\r\n\r\n");
    answer(client, "HTTP/1.1 200 Connected\r\n\r\n");
    const RawPeer server = RawPeer::connect(target);
    Stream there = MUST(Stream::over(UniqueFd(::dup(server.fd()))));
    pump(client, there);
  }
  static void answer(Stream& client, std::string_view text) { (void)client.write(bytes_of(text)); }

  std::string asked_;
  ScriptedServer server_;
};

const std::string kCredentials = "Proxy-Authorization: " + format_basic({"user", "pass"});

TEST(Proxy, TlsGoesThroughATunnel) {
  TestAuthority authority;
  Origin origin(server_tls(authority, "registry.test"));
  TinyProxy proxy(origin.port());
  Client client({.proxies = {.https = proxy.proxy()},
                 .tls = {.trust_system = false, .ca_files = {authority.ca_file()}}});
  EXPECT_EQ(body_of(client.send({.url = url_of("https://registry.test/v2/")})), "GET /v2/ registry.test");
  EXPECT_TRUE(proxy.asked().starts_with("CONNECT registry.test:443 HTTP/1.1\r\nHost: registry.test:443\r\n"));
  EXPECT_NE(proxy.asked().find(kCredentials), std::string::npos);
  client.close_idle();
  const auto denied = client.send({.url = url_of("https://denied.test/")});
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().code(), Code::PermissionDenied) << denied.error().message();
  EXPECT_NE(denied.error().message().find("proxy '127.0.0.1"), std::string::npos) << denied.error().message();
}

TEST(Proxy, PlainHttpIsAskedForWithItsWholeUrl) {
  TinyProxy proxy(0);
  Client client({.proxies = {.http = proxy.proxy()}});
  EXPECT_EQ(body_of(client.send({.url = url_of("http://registry.test:5000/v2/?n=1")})), "proxy");
  EXPECT_TRUE(proxy.asked().starts_with(
      "GET http://registry.test:5000/v2/?n=1 HTTP/1.1\r\nHost: registry.test:5000\r\n"));
  EXPECT_NE(proxy.asked().find(kCredentials), std::string::npos);
  Origin origin;
  const std::string direct = "http://127.0.0.1:" + std::to_string(origin.port()) + "/";
  EXPECT_TRUE(body_of(client.send({.url = url_of(direct)})).starts_with("GET / 127")) << "loopback never";
}

TEST(Proxy, ItsOwnTlsIsVerifiedAndCarriesPlainRequestsAndTunnels) {
  TestAuthority authority, proxys;
  Origin origin(server_tls(authority, "registry.test"));
  TinyProxy proxy(origin.port(), server_tls(proxys, "localhost"));
  ClientOptions options{.proxies = {.http = proxy.tls_proxy(), .https = proxy.tls_proxy()},
                        .tls = {.trust_system = false, .ca_files = {authority.ca_file()}},
                        .proxy_tls = {.trust_system = false, .ca_files = {proxys.ca_file()}}};
  {
    Client client(options);
    EXPECT_EQ(body_of(client.send({.url = url_of("https://registry.test/v2/")})), "GET /v2/ registry.test");
    EXPECT_TRUE(proxy.asked().starts_with("CONNECT registry.test:443 ")) << proxy.asked();
    EXPECT_NE(proxy.asked().find(kCredentials), std::string::npos);
    EXPECT_EQ(body_of(client.send({.url = url_of("https://registry.test/again")})),
              "GET /again registry.test");
    client.close_idle();
    EXPECT_EQ(body_of(client.send({.url = url_of("http://registry.test/")})), "proxy");
  }
  options.proxy_tls = {.trust_system = false, .ca_files = {authority.ca_file()}};
  Client distrustful(options);
  const auto refused = distrustful.send({.url = url_of("https://registry.test/v2/")});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::PermissionDenied);
  EXPECT_NE(refused.error().message().find("proxy 'localhost"), std::string::npos)
      << refused.error().message();
}

// ---- SOCKS

using Words = std::string;
using namespace std::string_literals;

const Words kNoPassword = "\5\0"s, kWantsPassword = "\5\2"s, kConnected = "\5\0\0\1\x7f\0\0\1\4\xd2"s;

// What a client of `proxy` says about a request for `url`, to a proxy that answers with these.
struct SocksTalk {
  std::vector<Words> said;
  std::string outcome;
};
SocksTalk talk(const std::string& user_info, const std::string& url,
               const std::function<void(RawPeer&, std::vector<Words>&)>& script) {
  SocksTalk result;
  {
    ScriptedServer server([&](RawPeer& peer) { script(peer, result.said); });
    const std::string proxy = "socks5://" + user_info + "127.0.0.1:" + std::to_string(server.port());
    Client client({.proxies = {.http = MUST(Proxy::parse(proxy))}});
    result.outcome = body_of(client.send({.url = url_of(url)}));
  }
  return result;
}

TEST(Socks, NamesAreLookedUpByTheProxyAndTheRequestIsAsWithoutOne) {
  const SocksTalk done = talk("", "http://registry.test:5000/v2/", [](RawPeer& peer, auto& said) {
    said.push_back(peer.read(3));
    peer.send(kNoPassword);
    said.push_back(peer.read(4 + 1 + 13 + 2));
    peer.send(kConnected);
    said.push_back(peer.read_head());
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
  });
  EXPECT_EQ(done.outcome, "hi");
  ASSERT_EQ(done.said.size(), 3U);
  EXPECT_EQ(done.said[0], "\5\1\0"s);
  EXPECT_EQ(done.said[1], "\5\1\0\3\rregistry.test\x13\x88"s);
  EXPECT_TRUE(done.said[2].starts_with("GET /v2/ HTTP/1.1\r\n")) << done.said[2];
}

TEST(Socks, APasswordIsSentWhereTheProxyWantsIt) {
  const SocksTalk done = talk("me:p%40ss@", "http://192.0.2.1/", [](RawPeer& peer, auto& said) {
    said.push_back(peer.read(4));
    peer.send(kWantsPassword);
    said.push_back(peer.read(2 + 2 + 1 + 4));
    peer.send("\1\0"s);
    said.push_back(peer.read(4 + 4 + 2));
    peer.send("\5\5\0\1\0\0\0\0\0\0"s);
  });
  ASSERT_EQ(done.said.size(), 3U);
  EXPECT_EQ(done.said[0], "\5\2\0\2"s);
  EXPECT_EQ(done.said[1], "\1\2me\4p@ss"s);
  EXPECT_EQ(done.said[2], "\5\1\0\1\xc0\0\2\1\0\x50"s);
  EXPECT_NE(done.outcome.find("connect to '192.0.2.1': connection refused"), std::string::npos)
      << done.outcome;
}

TEST(Socks, WhatIsNoSocksOrEndsInTheMiddleOrDoesNotLetUsIsSaid) {
  const auto outcome = [](const Words& answer) {
    return talk("", "http://a.test/",
                [&](RawPeer& peer, auto&) {
                  (void)peer.read(3);
                  peer.send(answer);
                  peer.end();
                })
        .outcome;
  };
  EXPECT_NE(outcome("HTTP/1.1 400 Bad Request\r\n\r\n").find("not SOCKS 5"), std::string::npos);
  EXPECT_NE(outcome("\5").find("in the middle"), std::string::npos);
  EXPECT_NE(outcome(kNoPassword + "\5").find("in the middle"), std::string::npos);
  EXPECT_NE(outcome("\5\xff").find("wants a name and a password"), std::string::npos);
  EXPECT_NE(outcome(kNoPassword + "\5\0\0\7"s).find("not SOCKS 5"), std::string::npos);
  EXPECT_NE(outcome(kNoPassword + "\5\2\0\1\0\0\0\0\0\0"s).find("rules"), std::string::npos);
}

// ---- The environment

TEST(Proxy, IsWrittenAsAUrlWithOrWithoutAScheme) {
  EXPECT_EQ(MUST(Proxy::parse("proxy.lab:3128")).url.str(), "http://proxy.lab:3128/");
  EXPECT_TRUE(MUST(Proxy::parse("https://proxy.lab")).url.is_tls());
  for (const char* text : {"socks5://me@proxy.lab", "socks5h://proxy.lab"}) {
    const Proxy proxy = MUST(Proxy::parse(text));
    EXPECT_EQ(proxy.protocol, Proxy::Protocol::Socks5);
    EXPECT_EQ(proxy.url.effective_port(), 1080);
  }
  EXPECT_EQ(Proxy::parse("socks4://proxy.lab").error().code(), Code::Unsupported);
  EXPECT_FALSE(Proxy::parse("http://"));
}

TEST(Proxy, ExceptionsAreNamesPortsAndNetworks) {
  const NoProxy except =
      NoProxy::parse("example.com, .internal,10.0.0.0/8 other:5000,*.star.net,2001:db8::/32,192.0.2.7");
  for (const auto& [host, port] : {std::pair("example.com", 80),
                                   {"a.example.com", 80},
                                   {"x.internal", 1},
                                   {"10.1.2.3", 80},
                                   {"other", 5000},
                                   {"a.star.net", 80},
                                   {"2001:db8::1", 80},
                                   {"192.0.2.7", 80},
                                   {"localhost", 80},
                                   {"127.8.8.8", 80},
                                   {"::1", 80}})
    EXPECT_TRUE(except.covers(host, static_cast<std::uint16_t>(port))) << host;
  for (const auto& [host, port] : {std::pair("notexample.com", 80),
                                   {"11.1.2.3", 80},
                                   {"other", 80},
                                   {"2001:db9::1", 80},
                                   {"192.0.2.70", 80},
                                   {"internals", 80}})
    EXPECT_FALSE(except.covers(host, static_cast<std::uint16_t>(port))) << host;
  EXPECT_TRUE(NoProxy::parse("*").covers("anything", 1));
}

}  // namespace
}  // namespace gantry::http
