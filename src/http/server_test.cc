// SPDX-License-Identifier: Apache-2.0
#include "http/server.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "base/file.h"
#include "http/test_frames.h"
#include "http/test_peer.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::http {
namespace {

using namespace std::chrono_literals;
using testing::RawPeer;
using testing::TestFrames;

std::unique_ptr<Server> serve(Handler handler, ServerOptions options = {}) {
  std::vector<Listener> listeners;
  listeners.push_back(MUST(Listener::tcp("127.0.0.1", 0)));
  return MUST(Server::start(std::move(listeners), std::move(handler), std::move(options)));
}

std::uint16_t port_of(const std::unique_ptr<Server>& server) { return server->listeners().front().port(); }
RawPeer connect_to(const std::unique_ptr<Server>& server) { return RawPeer::connect(port_of(server)); }

// Method, target and body of what was asked.
Result<void> echo(Request& request, ResponseWriter& response) {
  const std::string body = TRY(request.read_body());
  return response.send(200, request.method() + " " + request.head().target + " '" + body + "'");
}

// All that comes back for these bytes, without Date lines, of a server that echoes.
std::string answer_to(std::string_view bytes, ServerOptions options = {}) {
  const auto server = serve(echo, std::move(options));
  RawPeer peer = connect_to(server);
  peer.send(bytes);
  peer.end();
  std::string all = peer.read_all();
  for (std::size_t at = 0; (at = all.find("Date: ")) != std::string::npos;)
    all.erase(at, all.find('\n', at) + 1 - at);
  return all;
}

std::string status_of_answer_to(std::string_view bytes, ServerOptions options = {}) {
  const std::string answer = answer_to(bytes, std::move(options));
  return answer.substr(0, answer.find('\r'));
}

TEST(Server, AnswersAndWaitsForTheNextRequest) {
  const auto server = serve(echo);
  RawPeer peer = connect_to(server);
  for (int i = 0; i < 3; ++i) {
    peer.send("GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n");
    const std::string head = peer.read_head();
    EXPECT_TRUE(head.starts_with("HTTP/1.1 200 OK\r\n")) << head;
    EXPECT_NE(head.find("Content-Length: 11\r\n"), std::string::npos) << head;
    EXPECT_NE(head.find("Date: "), std::string::npos) << head;
    EXPECT_EQ(peer.read(11), "GET /a?b ''");
  }
}

TEST(Server, AnswersPipelinedRequestsInTheirOrder) {
  EXPECT_EQ(
      answer_to(
          "POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\none"
          "GET /2 HTTP/1.1\r\nHost: x\r\n\r\n"
          "PUT /3 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nth\r\n3;x=y\r\nree\r\n0\r\n"
          "Trailer: t\r\n\r\n"
          "GET /4 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
      "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nPOST /1 'one'"
      "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nGET /2 ''"
      "HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\nPUT /3 'three'"
      "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nGET /4 ''");
}

TEST(Server, TakesAHeadByteByByte) {
  const auto server = serve(echo);
  RawPeer peer = connect_to(server);
  for (const char c : std::string_view("\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")) {
    peer.send(std::string_view(&c, 1));
    std::this_thread::sleep_for(100us);
  }
  EXPECT_TRUE(peer.read_head().starts_with("HTTP/1.1 200"));
}

TEST(Server, RefusesWhatTwoProgramsCouldReadDifferently) {
  const std::string post = "POST / HTTP/1.1\r\nHost: x\r\n";
  const std::string rest = "\r\n\r\n0\r\n\r\n";
  for (const std::string& bad : {
           post + "Content-Length: 5\r\nTransfer-Encoding: chunked" + rest,
           post + "Transfer-Encoding: chunked\r\nContent-Length: 5" + rest,
           post + "Content-Length: 5\r\nContent-Length: 5" + rest,
           post + "Content-Length: 5\r\nContent-Length: 6" + rest,
           post + "Content-Length: 5, 5" + rest,
           post + "Content-Length: +5" + rest,
           post + "Content-Length: 0x5" + rest,
           post + "Content-Length: -1" + rest,
           post + "Content-Length: " + rest,
           post + "Content-Length: 99999999999999999999" + rest,
           post + "Content-Length : 5" + rest,
           post + "Content-Length\t: 5" + rest,
           post + " Content-Length: 5" + rest,
           post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked" + rest,
           post + "X: a\r\n b" + rest,
           post + "X: a\nY: b" + rest,
           post + "X: a\rY: b" + rest,
           post + std::string("X: a\0b", 6) + rest,
           post + ": empty" + rest,
           post + "no colon" + rest,
           std::string("POST / HTTP/1.1\nHost: x\n\n"),
           std::string("POST / HTTP/1.1\r\n\r\n"),
           std::string("POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
           std::string("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
           std::string("POST  / HTTP/1.1\r\nHost: x\r\n\r\n"),
           std::string("POST /\xff HTTP/1.1\r\nHost: x\r\n\r\n"),
           std::string("POST x HTTP/1.1\r\nHost: x\r\n\r\n"),
           std::string("\x16\x03\x01\x02\x00\x01\x00\n", 8),
           post + "Expect: the moon" + rest,
       })
    EXPECT_EQ(status_of_answer_to(bad), "HTTP/1.1 400 Bad Request") << bad;
  for (const std::string& unknown : {
           post + "Transfer-Encoding: gzip, chunked" + rest,
           post + "Transfer-Encoding: xchunked" + rest,
           post + "Transfer-Encoding: identity" + rest,
       })
    EXPECT_EQ(status_of_answer_to(unknown), "HTTP/1.1 501 Not Implemented") << unknown;
  for (const char* version : {"HTTP/2.0", "HTTP/0.9", "HTTP/1.2", "http/1.1", "x HTTP/1.1"})
    EXPECT_NE(status_of_answer_to("GET / " + std::string(version) + "\r\nHost: x\r\n\r\n"), "HTTP/1.1 200 OK")
        << version;
}

TEST(Server, RefusesBrokenChunksAndCutBodies) {
  const std::string post = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const char* bad :
       {"x\r\n", "5\r\nabc", "5\nabcde\r\n0\r\n\r\n", "3\r\nabcde\r\n0\r\n\r\n", "-1\r\na\r\n0\r\n\r\n",
        "11111111111111111\r\na\r\n0\r\n\r\n", "3 \r\nabc\r\n0\r\n\r\n"}) {
    EXPECT_EQ(status_of_answer_to(post + bad), "HTTP/1.1 400 Bad Request") << bad;
  }
  EXPECT_EQ(status_of_answer_to(post + "1;" + std::string(40'000, 'x')), "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(status_of_answer_to(post + "0\r\n" + std::string(40'000, 'x')), "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(status_of_answer_to("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"),
            "HTTP/1.1 400 Bad Request");
}

TEST(Server, RefusesHugeHeadsAndBodies) {
  const std::string get = "GET / HTTP/1.1\r\nHost: x\r\n";
  EXPECT_EQ(status_of_answer_to(get + "X: " + std::string(3000, 'x') + "\r\n\r\n", {.max_head = 2000}),
            "HTTP/1.1 431 Request Header Fields Too Large");
  EXPECT_EQ(status_of_answer_to(get + std::string(10'000, 'x'), {.max_head = 2000}),
            "HTTP/1.1 431 Request Header Fields Too Large");
  std::string many = get;
  for (int i = 0; i < 300; ++i) many += "X: y\r\n";
  EXPECT_EQ(status_of_answer_to(many + "\r\n"), "HTTP/1.1 431 Request Header Fields Too Large");
  EXPECT_EQ(
      status_of_answer_to("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n", {.max_body = 100}),
      "HTTP/1.1 413 Content Too Large");
  EXPECT_EQ(status_of_answer_to("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n" +
                                    std::string(255, 'x') + "\r\n0\r\n\r\n",
                                {.max_body = 100}),
            "HTTP/1.1 413 Content Too Large");
}

TEST(Server, ASlowHeadMeetsItsDeadline) {
  const auto server = serve(echo, {.head_timeout = 50ms});
  RawPeer peer = connect_to(server);
  peer.send("GET / HTTP/1.1\r\nHost: x\r\n");
  EXPECT_TRUE(peer.read_all().starts_with("HTTP/1.1 408 Request Timeout"));
}

TEST(Server, ASlowHeadMeetsItsDeadlineEvenDrippingOnAKeptConnection) {
  const auto server = serve(echo, {.head_timeout = 500ms});
  RawPeer peer = connect_to(server);
  peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(peer.read_to("GET / ''").substr(0, 12), "HTTP/1.1 200");
  peer.send("GET / HTTP/1.1\r\n");
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 2000 && server->connections() > 0; ++i) {
    peer.send("x");
    std::this_thread::sleep_for(5ms);
    pollfd waited{.fd = peer.fd(), .events = POLLIN};
    if (::poll(&waited, 1, 0) == 1) break;
  }
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
  EXPECT_TRUE(peer.read_head().starts_with("HTTP/1.1 408"));
}

TEST(Server, AnIdleConnectionIsClosedInSilence) {
  const auto server = serve(echo, {.idle_timeout = 30ms});
  RawPeer peer = connect_to(server);
  peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(peer.read_all().ends_with("GET / ''"));
  while (server->connections() > 0) std::this_thread::yield();
}

TEST(Server, ASlowBodyIsGivenUp) {
  const auto server = serve(echo, {.body_timeout = 30ms});
  RawPeer peer = connect_to(server);
  peer.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc");
  EXPECT_TRUE(peer.read_all().starts_with("HTTP/1.1 408"));
}

TEST(Server, WhoIsRefusedAndSendsNoBodyHoldsNoThread) {
  const auto server = serve([](Request&, ResponseWriter& response) { return response.send(401, "who?\n"); },
                            {.max_handlers = 1});
  std::vector<RawPeer> silent;
  for (int i = 0; i < 5; ++i) {
    silent.push_back(connect_to(server));
    silent.back().send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n");
  }
  for (RawPeer& peer : silent) EXPECT_TRUE(peer.read_head().starts_with("HTTP/1.1 401 "));
}

TEST(Server, ABodyThatDripsIsGivenUp) {
  const auto server = serve(echo, {.body_timeout = 50ms, .least_rate = 10'000});
  RawPeer peer = connect_to(server);
  peer.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n\r\n");
  pollfd waited{.fd = peer.fd(), .events = POLLIN};
  int drops = 0;
  for (; drops < 1000 && ::poll(&waited, 1, 2) == 0; ++drops) peer.send("x");
  EXPECT_LT(drops, 1000);
  EXPECT_TRUE(peer.read_head().starts_with("HTTP/1.1 408"));
}

TEST(Server, APeerThatDoesNotReadIsGivenUp) {
  std::atomic<bool> has_failed = false;
  const auto server = serve(
      [&](Request&, ResponseWriter& response) -> Result<void> {
        TRY(response.start(200));
        const std::string block(1 << 20, 'x');
        for (int i = 0; i < 100; ++i)
          if (auto written = response.write(block); !written) {
            has_failed = true;
            return written;
          }
        return {};
      },
      {.body_timeout = 50ms});
  RawPeer peer = connect_to(server);
  peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  while (!has_failed) std::this_thread::sleep_for(1ms);
}

TEST(Server, SendsContinueOnlyWhenTheBodyIsWanted) {
  const auto server = serve([](Request& request, ResponseWriter& response) -> Result<void> {
    if (request.path() == "/no") return response.send(403, "no");
    return response.send(200, TRY(request.read_body()));
  });
  const std::string fields = " HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
  RawPeer wanted = connect_to(server);
  wanted.send("PUT /yes" + fields);
  EXPECT_EQ(wanted.read_head(), "HTTP/1.1 100 Continue\r\n\r\n");
  wanted.send("body");
  EXPECT_TRUE(wanted.read_head().starts_with("HTTP/1.1 200"));
  EXPECT_EQ(wanted.read(4), "body");
  RawPeer refused = connect_to(server);
  refused.send("PUT /no" + fields);
  const std::string head = refused.read_head();
  EXPECT_TRUE(head.starts_with("HTTP/1.1 403")) << head;
  EXPECT_NE(head.find("Connection: close"), std::string::npos) << head;  // nobody knows if the body comes
}

TEST(Server, KeepsTheConnectionWhenAHandlerLeavesASmallBodyAndClosesItAfterALargeOne) {
  const auto server =
      serve([](Request&, ResponseWriter& response) -> Result<void> { return response.send(202, "ok"); });
  RawPeer peer = connect_to(server);
  peer.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + std::string(1000, 'x'));
  EXPECT_EQ(peer.read_to("\r\n\r\nok").find("close"), std::string::npos);
  peer.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 700000\r\n\r\n" + std::string(700'000, 'x'));
  const std::string all = peer.read_all();
  EXPECT_TRUE(all.ends_with("\r\n\r\nok")) << all;  // not lost to a reset
  EXPECT_NE(all.find("Connection: close"), std::string::npos);
}

TEST(Server, StreamsInChunksAndToOldClientsUntilItCloses) {
  const auto server = serve([](Request&, ResponseWriter& response) -> Result<void> {
    TRY(response.start(200));
    TRY(response.write("one,"));
    TRY(response.write(""));
    return response.write("two");
  });
  RawPeer peer = connect_to(server);
  peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(peer.read_head().find("Transfer-Encoding: chunked\r\n"), std::string::npos);
  EXPECT_EQ(peer.read_to("0\r\n\r\n"), "4\r\none,\r\n3\r\ntwo\r\n0\r\n\r\n");
  RawPeer old = connect_to(server);
  old.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(old.read_head().find("chunked"), std::string::npos);
  EXPECT_EQ(old.read_all(), "one,two");
  RawPeer head = connect_to(server);
  head.send("HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(head.read_all().ends_with("\r\n\r\n"));
}

TEST(Server, AnAnswerMayGoOnWhenItsHandlerHasReturned) {
  const auto frames = std::make_shared<TestFrames>();
  const auto server = serve([&](Request&, ResponseWriter& response) { return response.stream(200, frames); });
  RawPeer peer = connect_to(server);
  peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(peer.read_head().find("Transfer-Encoding: chunked\r\n"), std::string::npos);
  frames->add("one");
  EXPECT_EQ(peer.read(8), "3\r\none\r\n");
  const std::string large(300'000, 'x');
  frames->add(large);
  EXPECT_EQ(peer.read(7 + large.size() + 2), "493e0\r\n" + large + "\r\n");
  frames->add("end");
  frames->end(FrameSource::State::End);
  EXPECT_EQ(peer.read_all(), "3\r\nend\r\n0\r\n\r\n");
}

TEST(Server, AStreamOfFramesEndsWithThePeerAndWithTheServer) {
  std::atomic<bool> first_is_gone = false, second_is_gone = false;
  auto server = serve([&](Request& request, ResponseWriter& response) {
    const auto frames = std::make_shared<TestFrames>();
    frames->gone = request.path() == "/1" ? &first_is_gone : &second_is_gone;
    return response.stream(200, frames);
  });
  {
    RawPeer peer = connect_to(server);
    peer.send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n");
    peer.read_head();
  }
  while (!first_is_gone) std::this_thread::yield();
  RawPeer peer = connect_to(server);
  peer.send("GET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
  peer.read_head();
  server.reset();
  EXPECT_TRUE(second_is_gone);
  EXPECT_EQ(peer.read_all(), "");
}

TEST(Server, AHandlerThatFailsHalfWayBreaksTheConnection) {
  const auto server = serve([](Request&, ResponseWriter& response) -> Result<void> {
    TRY(response.start(200));
    TRY(response.write("some"));
    return error(Code::Internal, "no more");
  });
  RawPeer peer = connect_to(server);
  peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string all = peer.read_all();
  EXPECT_EQ(all.find("0\r\n\r\n"), std::string::npos) << all;
}

TEST(Server, AShortBodyBreaksTheConnectionAndALongOneIsRefused) {
  std::atomic<bool> was_refused = false;
  const auto server = serve([&](Request& request, ResponseWriter& response) -> Result<void> {
    TRY(response.start(200, 5));
    TRY(response.write("abc"));
    if (request.path() == "/long") was_refused = !response.write("defghi");
    return {};
  });
  for (const char* path : {"/short", "/long"}) {
    RawPeer peer = connect_to(server);
    peer.send("GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n\r\n");
    const std::string all = peer.read_all();
    EXPECT_EQ(all.find("def"), std::string::npos) << all;
  }
  EXPECT_TRUE(was_refused);
}

TEST(Server, ErrorsOfHandlersHaveAStatus) {
  const auto server = serve([](Request& request, ResponseWriter& response) -> Result<void> {
    if (request.path() == "/none") return {};
    if (request.path() == "/inject") {
      response.headers.set("X", "a\r\nSet-Cookie: b");
      return response.send(200);
    }
    return error(Code::NotFound, "no '{}' here", request.path());
  });
  RawPeer peer = connect_to(server);
  peer.send("GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(peer.read_head().starts_with("HTTP/1.1 404 Not Found"));
  EXPECT_EQ(peer.read_to("\n"), "no '/x' here\n");
  peer.send("GET /none HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(peer.read_to("answer\n").starts_with("HTTP/1.1 500"));
  peer.send("GET /inject HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string head = peer.read_head();
  EXPECT_TRUE(head.starts_with("HTTP/1.1 400")) << head;
  EXPECT_EQ(head.find("Set-Cookie"), std::string::npos) << head;
}

TEST(Server, SendsRangesOfFiles) {
  const gantry::testing::TempDir directory;
  std::string content(300'000, ' ');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>('a' + i * 7 % 26);
  MUST(replace_file_at(directory.fd(), "file", content, 0600));
  const UniqueFd file = MUST(open_at(directory.fd(), "file", O_RDONLY));
  const auto server = serve([&](Request& request, ResponseWriter& response) {
    return send_ranged_file(request, response, file.get(), content.size(), "\"tag\"");
  });
  RawPeer peer = connect_to(server);
  const auto get = [&](const std::string& fields) {
    peer.send("GET / HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n");
    return peer.read_head();
  };
  EXPECT_NE(get("").find("Content-Length: 300000\r\n"), std::string::npos);
  EXPECT_TRUE(peer.read(content.size()) == content);
  EXPECT_NE(get("Range: bytes=1000-1999\r\n").find("Content-Range: bytes 1000-1999/300000\r\n"),
            std::string::npos);
  EXPECT_EQ(peer.read(1000), content.substr(1000, 1000));
  EXPECT_TRUE(get("Range: bytes=-5\r\n").starts_with("HTTP/1.1 206"));
  EXPECT_EQ(peer.read(5), content.substr(content.size() - 5));
  EXPECT_NE(get("Range: bytes=300000-\r\n").find("Content-Range: bytes */300000\r\n"), std::string::npos);
  EXPECT_TRUE(get("If-None-Match: \"other\", \"tag\"\r\n").starts_with("HTTP/1.1 304"));
  EXPECT_TRUE(get("Range: bytes=0-0\r\nIf-Range: \"old\"\r\n").starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(peer.read(content.size()) == content);
  peer.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(peer.read_head().find("Content-Length: 300000\r\n"), std::string::npos);
  EXPECT_TRUE(get("Range: bytes=7-7\r\n").starts_with("HTTP/1.1 206"));
  EXPECT_EQ(peer.read(1), content.substr(7, 1));
}

TEST(Server, HandsAConnectionOverWithWhatWasSentAhead) {
  const auto server = serve([](Request&, ResponseWriter& response) -> Result<void> {
    response.headers.set("Connection", "Upgrade");
    response.headers.set("Upgrade", "tcp");
    Stream stream = TRY(response.hijack(101));
    std::byte buffer[100];
    const std::size_t got = TRY(stream.read(buffer));
    TRY(stream.write(bytes_of("got ")));
    TRY(stream.write(std::span(buffer, got)));
    TRY(stream.shut_down_writing());
    return {};
  });
  RawPeer peer = connect_to(server);
  peer.send("POST /attach HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nahead");
  EXPECT_EQ(peer.read_head(),
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
  EXPECT_EQ(peer.read_all(), "got ahead");
}

TEST(Server, TakesAbsoluteTargets) {
  EXPECT_EQ(answer_to("GET http://Host:80/p?q HTTP/1.1\r\nHost: other\r\nConnection: close\r\n\r\n"),
            "HTTP/1.1 200 OK\r\nContent-Length: 11\r\nConnection: close\r\n\r\nGET /p?q ''");
}

TEST(Server, ServesManyConnectionsAtOnceOnFewThreads) {
  std::atomic<int> at_once = 0, most = 0;
  const auto server = serve(
      [&](Request&, ResponseWriter& response) -> Result<void> {
        const int now = ++at_once;
        int seen = most;
        while (now > seen && !most.compare_exchange_weak(seen, now)) {
        }
        std::this_thread::sleep_for(1ms);
        --at_once;
        return response.send(200, "ok");
      },
      {.max_handlers = 4});
  std::vector<RawPeer> peers;
  for (int i = 0; i < 200; ++i) peers.push_back(connect_to(server));
  for (int round = 0; round < 2; ++round) {
    for (RawPeer& peer : peers) peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    for (RawPeer& peer : peers) EXPECT_TRUE(peer.read_to("\r\n\r\nok").starts_with("HTTP/1.1 200"));
  }
  EXPECT_LE(most, 4);
}

TEST(Server, WaitsWithFurtherConnectionsWhenItHasEnough) {
  const auto server = serve(echo, {.max_connections = 2});
  auto first = std::make_unique<RawPeer>(connect_to(server));
  RawPeer second = connect_to(server), third = connect_to(server);
  first->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  first->read_to("''");
  third.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  while (server->connections() < 2) std::this_thread::yield();
  std::this_thread::sleep_for(10ms);
  EXPECT_EQ(server->connections(), 2U);
  first.reset();
  EXPECT_TRUE(third.read_to("''").starts_with("HTTP/1.1 200"));
}

TEST(Server, AnswersWith503WhenTooManyWait) {
  std::atomic<bool> has_begun = false, go = false;
  const auto server = serve(
      [&](Request&, ResponseWriter& response) -> Result<void> {
        has_begun = true;
        while (!go) std::this_thread::sleep_for(1ms);
        return response.send(200, "ok");
      },
      {.max_handlers = 1, .max_waiting = 1});
  std::vector<RawPeer> peers;
  for (int i = 0; i < 3; ++i) {
    peers.push_back(connect_to(server));
    peers.back().send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    while (!has_begun) std::this_thread::yield();
  }
  // Of the two that came while the first was served, one waits, and the other is told so.
  pollfd waited[] = {{.fd = peers[1].fd(), .events = POLLIN}, {.fd = peers[2].fd(), .events = POLLIN}};
  ASSERT_EQ(::poll(waited, 2, 10'000), 1);
  const bool is_second_refused = waited[1].revents != 0;
  EXPECT_TRUE(peers[is_second_refused ? 2 : 1].read_all().starts_with("HTTP/1.1 503"));
  go = true;
  EXPECT_TRUE(peers[0].read_to("ok").starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(peers[is_second_refused ? 1 : 2].read_to("ok").starts_with("HTTP/1.1 200"));
}

TEST(Server, StopLetsRequestsFinishWithinTheGrace) {
  std::atomic<bool> has_begun = false;
  const auto server = serve([&](Request&, ResponseWriter& response) -> Result<void> {
    has_begun = true;
    std::this_thread::sleep_for(50ms);
    return response.send(200, "done");
  });
  RawPeer idle = connect_to(server), busy = connect_to(server);
  busy.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  while (!has_begun) std::this_thread::yield();
  std::thread stopper([&] { server->stop(10s); });
  EXPECT_EQ(idle.read_all(), "");
  EXPECT_TRUE(busy.read_all().ends_with("done"));
  stopper.join();
}

TEST(Server, StopCutsWhatTakesLonger) {
  std::atomic<bool> has_begun = false;
  std::string seen;
  const auto server = serve([&](Request& request, ResponseWriter& response) -> Result<void> {
    has_begun = true;
    const auto body = request.read_body();
    seen = body ? "body" : body.error().message();
    return response.send(200);
  });
  RawPeer peer = connect_to(server);
  peer.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n");
  while (!has_begun) std::this_thread::yield();
  const auto began = std::chrono::steady_clock::now();
  server->stop(20ms);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
  EXPECT_NE(seen, "body");
}

TEST(Server, ServesUnixSocketsAndKnowsWhoIsThere) {
  const gantry::testing::TempDir directory;
  const std::string path = directory / "socket";
  std::atomic<uid_t> uid = 0;
  {
    std::vector<Listener> listeners;
    listeners.push_back(MUST(Listener::unix_socket(path, 0640)));
    const auto server =
        MUST(Server::start(std::move(listeners), [&](Request& request, ResponseWriter& response) {
          uid = request.peer().credentials->uid;
          return response.send(200, request.peer().address);
        }));
    struct stat made;
    ASSERT_EQ(::lstat(path.c_str(), &made), 0);
    EXPECT_EQ(made.st_mode & 07777, 0640U);
    EXPECT_EQ(Listener::unix_socket(path, 0600).error().code(), Code::AlreadyExists);
    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{.sun_family = AF_UNIX};
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    RawPeer peer(std::move(socket));
    peer.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(peer.read_all().ends_with("unix"));
    EXPECT_EQ(uid, ::getuid());
  }
  EXPECT_NE(::access(path.c_str(), F_OK), 0);
}

TEST(Server, TellsWhatItHasRefused) {
  std::atomic<int> status = 0;
  std::string method;
  const auto server = serve(echo, {.max_body = 10, .on_done = [&](const RequestSummary& summary) {
                                     method = summary.head.method;
                                     status = summary.status;
                                   }});
  for (const auto& [bytes, expected, word] :
       {std::tuple("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n", 413, "PUT"),
        {"PUT / HTTP/1.1\r\n\r\n", 400, "-"}}) {
    RawPeer peer = connect_to(server);
    peer.send(bytes);
    peer.end();
    peer.read_all();
    while (status == 0) std::this_thread::yield();
    EXPECT_EQ(status.exchange(0), expected);
    EXPECT_EQ(method, word);
  }
}

TEST(Server, TellsWhatHappenedToEveryRequest) {
  std::atomic<int> status = 0;
  std::atomic<std::uint64_t> in = 0, out = 0;
  const auto server = serve(echo, {.on_done = [&](const RequestSummary& summary) {
                              in = summary.bytes_read;
                              out = summary.bytes_written;
                              status = summary.status;
                            }});
  RawPeer peer = connect_to(server);
  peer.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
  peer.read_to("'hello'");
  while (status == 0) std::this_thread::yield();
  EXPECT_EQ(status, 200);
  EXPECT_EQ(in, 5U);
  EXPECT_EQ(out, 14U);
}

TEST(Listener, WithoutAnAddressTakesBothFamilies) {
  std::vector<Listener> listeners;
  listeners.push_back(MUST(Listener::tcp("", 0)));
  const auto server =
      MUST(Server::start(std::move(listeners), [](Request& request, ResponseWriter& response) {
        return response.send(200, request.peer().address.substr(0, 10));
      }));
  RawPeer peer = connect_to(server);
  peer.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(peer.read_all().ends_with("127.0.0.1:"));
  EXPECT_FALSE(Listener::tcp("localhost", 0));  // a name is no address
}

TEST(Listener, ReplacesASocketThatADeadProcessLeft) {
  const gantry::testing::TempDir directory;
  const std::string path = directory / "socket";
  {
    UniqueFd stale(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{.sun_family = AF_UNIX};
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(stale.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  MUST(Listener::unix_socket(path, 0600));
  MUST(replace_file_at(directory.fd(), "file", "", 0600));
  EXPECT_EQ(Listener::unix_socket(directory / "file", 0600).error().code(), Code::AlreadyExists);
}

}  // namespace
}  // namespace gantry::http
