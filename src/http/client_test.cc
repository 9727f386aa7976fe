// SPDX-License-Identifier: Apache-2.0
#include "http/client.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "http/server.h"
#include "http/test_identity.h"
#include "http/test_peer.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::http {
namespace {

using namespace std::chrono_literals;
using testing::RawPeer;
using testing::ScriptedServer;
using testing::TestAuthority;

Url url_of(const std::string& text) { return MUST(Url::parse(text)); }

// Answers with what was asked; "/stream" in chunks, "/size/N" with N bytes.
Result<void> echo(Request& request, ResponseWriter& response) {
  if (request.path().starts_with("/size/")) {
    const std::size_t size = std::stoul(std::string(request.path().substr(6)));
    TRY(response.start(200, size));
    const std::string block(64 << 10, 'x');
    for (std::size_t left = size; left > 0; left -= std::min(left, block.size()))
      TRY(response.write(std::string_view(block).substr(0, std::min(left, block.size()))));
    return {};
  }
  const std::string body = TRY(request.read_body(64 << 20));
  response.headers.set("X-Authorization", std::string(request.headers().get_or("Authorization", "none")));
  if (request.path() == "/stream") {
    TRY(response.start(200));
    for (const char& c : body) TRY(response.write(std::string_view(&c, 1)));
    return {};
  }
  return response.send(200, request.method() + " " + request.head().target + " " +
                                std::string(request.headers().get_or("Host", "?")) + " " + body);
}

class EchoServer {
 public:
  explicit EchoServer(std::shared_ptr<const TlsContext> tls = nullptr, Handler handler = echo) {
    std::vector<Listener> listeners;
    listeners.push_back(MUST(Listener::tcp("127.0.0.1", 0)).with_tls(std::move(tls)));
    server_ = MUST(Server::start(std::move(listeners), std::move(handler)));
  }
  std::uint16_t port() const { return server_->listeners().front().port(); }
  std::string url(const std::string& path = "/") const {
    return "http://127.0.0.1:" + std::to_string(port()) + path;
  }
  std::string tls_url(const std::string& host) const {
    return "https://" + host + ":" + std::to_string(port()) + "/";
  }
  Server& server() { return *server_; }

 private:
  std::unique_ptr<Server> server_;
};

std::string body_of(Result<ClientResponse> response) { return MUST(MUST(std::move(response)).read_body()); }

TEST(Client, AsksAndUsesItsConnectionAgain) {
  std::size_t most = 0;
  EchoServer server;
  Client client;
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(body_of(client.send({.url = url_of(server.url("/a?b"))})),
              "GET /a?b 127.0.0.1:" + std::to_string(server.port()) + " ");
    most = std::max<std::size_t>(most, server.server().connections());
  }
  EXPECT_EQ(most, 1U);
}

TEST(Client, SendsBodiesSmallAndLarge) {
  EchoServer server;
  Client client;
  EXPECT_TRUE(body_of(client.send({.method = "PUT", .url = url_of(server.url()), .body = "text"}))
                  .ends_with(" text"));
  EXPECT_TRUE(body_of(client.send({.method = "POST", .url = url_of(server.url())})).starts_with("POST / "));
  const std::string large(3 << 20, 'y');
  auto response = MUST(client.send({.method = "PUT", .url = url_of(server.url()), .body = large}));
  EXPECT_TRUE(MUST(response.read_body(4 << 20)).ends_with(large));
}

TEST(Client, AnAnswerThatNobodyReadsKeepsItsConnectionIfItIsShort) {
  EchoServer server;
  Client client;
  for (int i = 0; i < 3; ++i) {
    (void)MUST(client.send({.url = url_of(server.url())}));
    std::this_thread::sleep_for(5ms);
    EXPECT_EQ(server.server().connections(), 1U);
  }
}

TEST(Client, StreamsBothWays) {
  EchoServer server;
  Client client;
  const std::string text(10'000, 'z');
  for (const auto length : {std::optional<std::uint64_t>(text.size()), std::optional<std::uint64_t>()}) {
    StringSource source(text);
    EXPECT_EQ(body_of(client.send({.method = "POST",
                                   .url = url_of(server.url("/stream")),
                                   .body_source = &source,
                                   .body_length = length})),
              text);
  }
  auto response = MUST(client.send({.url = url_of(server.url("/size/20000000"))}));
  EXPECT_EQ(response.body_length(), 20'000'000U);
  std::vector<std::byte> buffer(1 << 20);
  std::size_t total = 0;
  while (const std::size_t got = MUST(response.body().read(buffer))) total += got;
  EXPECT_EQ(total, 20'000'000U);
}

TEST(Client, ASourceThatIsNotAsLongAsItSaidIsAnError) {
  EchoServer server;
  Client client;
  for (const std::uint64_t length : {3, 5}) {
    StringSource source("four");
    const auto failed = client.send(
        {.method = "POST", .url = url_of(server.url()), .body_source = &source, .body_length = length});
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code(), Code::InvalidArgument) << failed.error().message();
  }
}

TEST(Client, HeadHasNoBodyAndKeepsTheConnection) {
  EchoServer server;
  Client client;
  auto response = MUST(client.send({.method = "HEAD", .url = url_of(server.url("/size/1000"))}));
  EXPECT_EQ(response.headers().get("Content-Length"), "1000");
  EXPECT_EQ(MUST(response.read_body()), "");
}

TEST(Client, AsksBeforeItSendsWhatMayBeRefused) {
  std::atomic<bool> got_body = false;
  ScriptedServer server([&](RawPeer& peer) {
    const std::string head = peer.read_head();
    EXPECT_NE(head.find("Expect: 100-continue\r\n"), std::string::npos);
    if (head.starts_with("PUT /yes")) {
      peer.send("HTTP/1.1 100 Continue\r\n\r\n");
      got_body = peer.read(4) == "body";
      peer.send("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
    } else {
      peer.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
      EXPECT_EQ(peer.read_all(), "");
    }
  });
  Client client;
  const auto put = [&](const std::string& path) {
    return client.send(
        {.method = "PUT", .url = url_of(server.url() + path), .body = "body", .expects_continue = true});
  };
  EXPECT_EQ(MUST(put("/yes")).status(), 201);
  EXPECT_TRUE(got_body);
  EXPECT_EQ(body_of(put("/no")), "no");
}

TEST(Client, HearsAnAnswerThatComesBeforeItHasSentAll) {
  ScriptedServer server([](RawPeer& peer) {
    peer.read_head();
    peer.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig");
    peer.end();
    peer.read(1 << 20);
  });
  struct Endless final : ByteSource {
    Result<std::size_t> read(std::span<std::byte> into) override { return into.size(); }
  } endless;
  Client client;
  auto response = MUST(client.send({.method = "POST", .url = url_of(server.url()), .body_source = &endless}));
  EXPECT_EQ(response.status(), 413);
  EXPECT_EQ(MUST(response.read_body()), "big");
}

TEST(Client, RepeatsOnANewConnectionWhatAKeptOneBrokeUnderIfThatDoesNoHarm) {
  std::atomic<int> requests = 0;
  ScriptedServer server([&](RawPeer& peer) {
    peer.read_head();
    ++requests;
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    // The next request on this connection is read, and then the server is gone.
    peer.read_head();
    ++requests;
  });
  Client client;
  EXPECT_EQ(body_of(client.send({.url = url_of(server.url())})), "ok");
  EXPECT_EQ(body_of(client.send({.url = url_of(server.url())})), "ok");
  EXPECT_EQ(requests, 3);
  const auto failed = client.send({.method = "POST", .url = url_of(server.url()), .body = "x"});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), Code::Unavailable) << failed.error().message();
}

TEST(Client, BrokenAnswersAreErrors) {
  const struct {
    const char* answer;
    Code code;
  } kCases[] = {
      {"", Code::Unavailable},
      {"SSH-2.0-OpenSSH\r\n\r\n", Code::DataLoss},
      {"HTTP/1.1 200 OK\r\nContent-Le", Code::DataLoss},
      {"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", Code::DataLoss},
      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok", Code::DataLoss},
      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", Code::DataLoss},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok", Code::DataLoss},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", Code::DataLoss},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno chunk\r\n", Code::DataLoss},
  };
  for (const auto& [answer, code] : kCases) {
    ScriptedServer server([&](RawPeer& peer) {
      peer.read_head();
      peer.send(answer);
    });
    Client client;
    auto response = client.send({.url = url_of(server.url())});
    const Result<std::string> body =
        response ? response->read_body() : Result<std::string>(std::move(response).error());
    ASSERT_FALSE(body) << answer;
    EXPECT_EQ(body.error().code(), code) << answer << ": " << body.error().message();
  }
}

TEST(Client, ABodyWithoutLengthEndsWithTheConnection) {
  ScriptedServer server([](RawPeer& peer) {
    peer.read_head();
    peer.send("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.0 200 OK\r\n\r\nuntil the end");
  });
  Client client;
  EXPECT_EQ(body_of(client.send({.url = url_of(server.url())})), "until the end");
  EXPECT_EQ(body_of(client.send({.url = url_of(server.url())})), "until the end");
  EXPECT_EQ(server.connections(), 2);
}

TEST(Client, EverythingHasItsTime) {
  ScriptedServer server([&](RawPeer& peer) {
    const std::string head = peer.read_head();
    if (head.starts_with("GET /body")) peer.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok");
    peer.read_all();  // until the client has had enough
  });
  Client client({.answer_timeout = 200ms, .idle_timeout = 200ms});
  const auto slow = client.send({.url = url_of(server.url())});
  ASSERT_FALSE(slow);
  EXPECT_EQ(slow.error().code(), Code::TimedOut);
  auto stalled = MUST(client.send({.url = url_of(server.url() + "/body"), .answer_timeout = 10s}));
  EXPECT_EQ(stalled.read_body().error().code(), Code::TimedOut);
  const auto late = client.send({.url = url_of(server.url()),
                                 .answer_timeout = 10s,
                                 .deadline = std::chrono::steady_clock::now() + 40ms});
  EXPECT_EQ(late.error().code(), Code::TimedOut);
}

TEST(Client, SaysWhoDidNotAnswer) {
  Client client;
  const auto refused =
      client.send({.url = url_of("http://127.0.0.1:1/v2/")});  // a port that is given to nobody
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::Unavailable);
  EXPECT_NE(refused.error().message().find("GET http://127.0.0.1"), std::string::npos)
      << refused.error().message();
  EXPECT_NE(refused.error().message().find("ECONNREFUSED"), std::string::npos) << refused.error().message();
}

TEST(Client, RefusesWhatWouldBreakTheHead) {
  EchoServer server;
  Client client;
  const std::string smuggled = body_of(
      client.send({.url = url_of(server.url()), .headers = {{"content-length", "5"}, {"HOST", "evil"}}}));
  EXPECT_EQ(smuggled, "GET / 127.0.0.1:" + std::to_string(server.port()) + " ");
  for (const ClientRequest& bad :
       {ClientRequest{.method = "GET /x HTTP/1.1\r\nA:", .url = url_of(server.url())},
        ClientRequest{.url = url_of(server.url()), .headers = {{"A", "b\r\nC: d"}}},
        ClientRequest{.url = url_of(server.url()), .headers = {{"A b", "c"}}}})
    EXPECT_EQ(client.send(bad).error().code(), Code::InvalidArgument);
}

TEST(Client, CredentialsInAUrlBecomeAHeader) {
  EchoServer server;
  Client client;
  Url url = url_of(server.url());
  url.user_info = "al%40ice:s%3Aecret";
  const auto response = MUST(client.send({.url = url}));
  EXPECT_EQ(response.headers().get("X-Authorization"), format_basic({"al@ice", "s:ecret"}));
}

TEST(Client, RedirectsAreTheCallersBusiness) {
  EchoServer server(nullptr, [](Request&, ResponseWriter& response) -> Result<void> {
    response.headers.set("Location", "../x?y");
    return response.send(307);
  });
  Client client;
  const Url asked = url_of(server.url("/a/b"));
  const auto response = MUST(client.send({.url = asked}));
  EXPECT_EQ(MUST(redirect_of(asked, response))->target(), "/x?y");
}

TEST(Client, ReachesUnixSockets) {
  const gantry::testing::TempDir directory;
  std::vector<Listener> listeners;
  listeners.push_back(MUST(Listener::unix_socket(directory / "s", 0600)));
  const auto server = MUST(Server::start(std::move(listeners), echo));
  Client client({.unix_socket = directory / "s"});
  EXPECT_EQ(body_of(client.send({.url = url_of("http://docker/v1.41/info")})), "GET /v1.41/info docker ");
}

TEST(Client, TakesOverAnUpgradedConnection) {
  EchoServer server(nullptr, [](Request& request, ResponseWriter& response) -> Result<void> {
    EXPECT_EQ(request.headers().get("Upgrade"), "tcp");
    response.headers = {{"Connection", "Upgrade"}, {"Upgrade", "tcp"}};
    Stream stream = TRY(response.hijack(101));
    TRY(stream.write(bytes_of("hello")));
    std::byte buffer[10];
    const std::size_t got = TRY(stream.read(buffer));
    return stream.write(std::span(buffer, got));
  });
  Client client;
  auto response = MUST(client.send({.method = "POST", .url = url_of(server.url()), .upgrade = "tcp"}));
  ASSERT_EQ(response.status(), 101);
  Stream stream = MUST(std::move(response).take_stream());
  std::byte buffer[10];
  EXPECT_EQ(MUST(read_fully(stream, std::span(buffer, 5))), 5U);
  MUST(stream.write(bytes_of("back")));
  EXPECT_EQ(MUST(read_fully(stream, buffer)), 4U);
  EXPECT_EQ(text_of(std::span(buffer, 4)), "back");
}

TEST(Client, ManyThreadsShareOne) {
  EchoServer server;
  Client client;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&, i] {
      for (int j = 0; j < 50; ++j) {
        const std::string text = std::to_string(i * 1000 + j);
        EXPECT_TRUE(body_of(client.send({.method = "POST", .url = url_of(server.url()), .body = text}))
                        .ends_with(text));
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(server.server().connections(), 8U);
}

// ---- TLS

TEST(Tls, TrustsWhomItIsToldToTrustForTheNamesThatTheyHave) {
  TestAuthority authority, stranger;
  EchoServer server(MUST(TlsContext::for_server({.identity = authority.issue("server", "DNS:localhost")})));
  Client trusting({.tls = {.trust_system = false, .ca_files = {authority.ca_file()}}});
  for (int i = 0; i < 3; ++i)
    EXPECT_TRUE(
        body_of(trusting.send({.url = url_of(server.tls_url("localhost"))})).starts_with("GET / localhost:"));
  EXPECT_EQ(server.server().connections(), 1U);

  const auto code_of = [](const Result<ClientResponse>& response) {
    return response ? std::optional<Code>() : response.error().code();
  };
  // Another name than the certificate's.
  EXPECT_EQ(code_of(trusting.send({.url = url_of(server.tls_url("127.0.0.1"))})), Code::PermissionDenied);
  Client other({.tls = {.trust_system = false, .ca_files = {stranger.ca_file()}}});
  EXPECT_EQ(code_of(other.send({.url = url_of(server.tls_url("localhost"))})), Code::PermissionDenied);
  Client system;
  EXPECT_EQ(code_of(system.send({.url = url_of(server.tls_url("localhost"))})), Code::PermissionDenied);
  Client insecure({.tls = {.verify = false}});
  EXPECT_EQ(MUST(insecure.send({.url = url_of(server.tls_url("127.0.0.1"))})).status(), 200);
}

TEST(Tls, AnAuthorityMayBeATextAndAServerStandElsewhereThanItsNameSays) {
  TestAuthority authority;
  EchoServer server(
      MUST(TlsContext::for_server({.identity = authority.issue("server", "DNS:hook.web.svc")})));
  Client client({.tls = {.trust_system = false, .ca_certificates = MUST(read_file(authority.ca_file()))}});
  const Url url = url_of(server.tls_url("hook.web.svc"));
  EXPECT_EQ(MUST(client.send({.url = url, .connect_host = "127.0.0.1"})).status(), 200);

  Client broken({.tls = {.trust_system = false, .ca_certificates = "no certificate"}});
  EXPECT_EQ(broken.send({.url = url, .connect_host = "127.0.0.1"}).error().code(), Code::InvalidArgument);
}

TEST(Tls, AddressesAreNamesToo) {
  TestAuthority authority;
  EchoServer server(MUST(TlsContext::for_server({.identity = authority.issue("server", "IP:127.0.0.1")})));
  Client client({.tls = {.trust_system = false, .ca_files = {authority.ca_file()}}});
  EXPECT_EQ(MUST(client.send({.url = url_of(server.tls_url("127.0.0.1"))})).status(), 200);
}

TEST(Tls, CarriesLargeBodiesBothWays) {
  TestAuthority authority;
  EchoServer server(MUST(TlsContext::for_server({.identity = authority.issue("server", "DNS:localhost")})));
  Client client({.tls = {.trust_system = false, .ca_files = {authority.ca_file()}}});
  const std::string text(5 << 20, 'q');
  StringSource source(text);
  auto response = MUST(
      client.send({.method = "PUT", .url = url_of(server.tls_url("localhost")), .body_source = &source}));
  EXPECT_TRUE(MUST(response.read_body(10 << 20)).ends_with(text));
}

TEST(Tls, AsksClientsWhoTheyAre) {
  TestAuthority authority, clients;
  EchoServer server(MUST(TlsContext::for_server({.identity = authority.issue("server", "DNS:localhost"),
                                                 .client_ca_files = {clients.ca_file()}})),
                    [](Request& request, ResponseWriter& response) -> Result<void> {
                      return response.send(200, request.peer().certificate->subject);
                    });
  TlsClientOptions options{.trust_system = false, .ca_files = {authority.ca_file()}};
  Client nobody({.tls = options});
  EXPECT_FALSE(nobody.send({.url = url_of(server.tls_url("localhost"))}));
  options.identity = clients.issue("alice", "");
  Client alice({.tls = options});
  EXPECT_EQ(body_of(alice.send({.url = url_of(server.tls_url("localhost"))})), "CN=alice");
  options.identity = authority.issue("mallory", "");
  Client mallory({.tls = options});
  EXPECT_FALSE(mallory.send({.url = url_of(server.tls_url("localhost"))}));
}

TEST(Tls, WhereCertificatesAreOptionalTheHandlerSeesWhatWasShown) {
  TestAuthority authority, clients;
  EchoServer server(MUST(TlsContext::for_server({.identity = authority.issue("server", "DNS:localhost"),
                                                 .client_ca_files = {clients.ca_file()},
                                                 .requires_client_certificate = false})),
                    [](Request& request, ResponseWriter& response) -> Result<void> {
                      const auto& shown = request.peer().certificate;
                      if (shown == nullptr) return response.send(200, "nobody");
                      if (!shown->problem.empty()) return response.send(401, shown->problem);
                      return response.send(200,
                                           fmt::format("{} {}", shown->common_name, shown->authority.size()));
                    });
  TlsClientOptions options{.trust_system = false, .ca_files = {authority.ca_file()}};
  Client nobody({.tls = options});
  EXPECT_EQ(body_of(nobody.send({.url = url_of(server.tls_url("localhost"))})), "nobody");
  options.identity = clients.issue("alice", "");
  Client alice({.tls = options});
  EXPECT_EQ(body_of(alice.send({.url = url_of(server.tls_url("localhost"))})), "alice 64");
  options.identity = authority.issue("mallory", "");
  Client mallory({.tls = options});
  EXPECT_EQ(MUST(mallory.send({.url = url_of(server.tls_url("localhost"))})).status(), 401);
}

TEST(Tls, PlainHttpToATlsServerAndTlsToAPlainOneAreErrors) {
  TestAuthority authority;
  EchoServer tls(MUST(TlsContext::for_server({.identity = authority.issue("server", "DNS:localhost")})));
  EchoServer plain;
  Client client({.tls = {.verify = false}});
  EXPECT_FALSE(client.send({.url = url_of(tls.url())}));
  EXPECT_FALSE(client.send({.url = url_of(plain.tls_url("127.0.0.1"))}));
}

TEST(Tls, AMissingFileIsNamed) {
  const auto failed = TlsContext::for_server({.identity = {"/nowhere/cert.pem", "/nowhere/key.pem"}});
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().message().find("/nowhere/cert.pem"), std::string::npos)
      << failed.error().message();
}

}  // namespace
}  // namespace gantry::http
