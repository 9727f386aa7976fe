// SPDX-License-Identifier: Apache-2.0
#include "http/websocket.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "testing/must.h"

namespace gantry::http {
namespace {

using namespace std::string_literals;
using Kind = WebSocket::Kind;
using Side = WebSocket::Side;

// As a client would send it, with a mask that changes nothing.
std::string frame(unsigned first, std::string_view payload) {
  return std::string{static_cast<char>(first), static_cast<char>(0x80 | payload.size())} + "\0\0\0\0"s +
         std::string(payload);
}
constexpr unsigned kText = 0x81, kBinary = 0x82, kClose = 0x88, kPing = 0x89;

std::vector<WebSocket::Message> messages_of(WebSocket& socket, std::string_view bytes) {
  socket.feed(bytes);
  std::vector<WebSocket::Message> messages;
  while (auto message = MUST(socket.next())) messages.push_back(*std::move(message));
  return messages;
}

// The status of the Close that answers these bytes of a client; 0 if nothing is wrong with them.
unsigned fault_in(std::string_view bytes, std::size_t most = 1000) {
  WebSocket socket(Side::Server, most);
  socket.feed(bytes);
  for (;;) {
    const auto message = socket.next();
    if (message && *message) continue;
    if (message) return 0;
    EXPECT_TRUE(socket.is_over());
    const std::string close = socket.take_output();
    return static_cast<unsigned>(static_cast<unsigned char>(close[2])) << 8 |
           static_cast<unsigned char>(close[3]);
  }
}

TEST(WebSocket, BothSidesUnderstandEachOther) {
  for (const std::size_t size : {0u, 1u, 125u, 126u, 65535u, 65536u, 100000u}) {
    WebSocket client(Side::Client), server(Side::Server);
    const std::string data(size, 'x');
    client.send(Kind::Binary, data);
    const auto there = messages_of(server, client.take_output());
    ASSERT_EQ(there.size(), 1u);
    EXPECT_EQ(there[0].kind, Kind::Binary);
    EXPECT_EQ(there[0].data, data);
    server.send(Kind::Text, data);
    const auto back = messages_of(client, server.take_output());
    ASSERT_EQ(back.size(), 1u);
    EXPECT_EQ(back[0].kind, Kind::Text);
    EXPECT_EQ(back[0].data, data);
  }
}

TEST(WebSocket, WhatAClientSendsIsMasked) {
  WebSocket client(Side::Client);
  client.send(Kind::Text, "GET / HTTP/1.1");
  EXPECT_EQ(client.take_output().find("GET"), std::string::npos);
}

// The frames of RFC 6455, section 5.7.
TEST(WebSocket, TheExamplesOfTheSpecificationAreRead) {
  WebSocket server(Side::Server), client(Side::Client);
  EXPECT_EQ(messages_of(server, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58").at(0).data, "Hello");
  EXPECT_EQ(messages_of(client, "\x81\x05Hello").at(0).data, "Hello");
  const auto joined = messages_of(client, "\x01\x03Hel"s + "\x80\x02lo"s);
  ASSERT_EQ(joined.size(), 1u);
  EXPECT_EQ(joined[0].data, "Hello");
}

TEST(WebSocket, BytesMayArriveOneByOne) {
  WebSocket client(Side::Client), server(Side::Server);
  client.send(Kind::Text, std::string(300, 'y'));
  std::size_t count = 0;
  for (const char byte : client.take_output()) count += messages_of(server, {&byte, 1}).size();
  EXPECT_EQ(count, 1u);
}

TEST(WebSocket, APingIsAnsweredBetweenFragments) {
  WebSocket server(Side::Server);
  const auto messages =
      messages_of(server, frame(0x02, "a") + frame(kPing, "are you there") + frame(0x80, "b"));
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].data, "ab");
  EXPECT_EQ(server.take_output(),
            "\x8a\x0d"
            "are you there");
}

TEST(WebSocket, AnAnswerToAPingIsTold) {
  WebSocket client(Side::Client), server(Side::Server);
  server.ping("7");
  EXPECT_TRUE(messages_of(client, server.take_output()).empty());
  const auto messages = messages_of(server, client.take_output());
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].kind, Kind::Pong);
  EXPECT_EQ(messages[0].data, "7");
}

TEST(WebSocket, CloseIsSaidOnceByEach) {
  WebSocket client(Side::Client), server(Side::Server);
  client.close(WebSocket::kGoingAway, "enough");
  client.send(Kind::Text, "too late");
  const auto messages = messages_of(server, client.take_output() + frame(kText, "ignored"));
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].kind, Kind::Close);
  EXPECT_EQ(messages[0].status, WebSocket::kGoingAway);
  EXPECT_EQ(messages[0].data, "enough");
  EXPECT_TRUE(server.is_over());
  EXPECT_FALSE(client.is_over());
  EXPECT_EQ(messages_of(client, server.take_output()).at(0).status, WebSocket::kGoingAway);
  EXPECT_TRUE(client.is_over());
  server.close();
  EXPECT_FALSE(server.has_output());
}

TEST(WebSocket, ACloseWithoutAStatusIsAnswered) {
  WebSocket server(Side::Server);
  EXPECT_EQ(messages_of(server, frame(kClose, "")).at(0).status, WebSocket::kNoStatus);
  EXPECT_EQ(server.take_output(), "\x88\x02\x03\xe8"s);
}

TEST(WebSocket, ALongReasonIsCutBetweenCharacters) {
  WebSocket server(Side::Server), client(Side::Client);
  std::string reason = "x";
  for (int i = 0; i < 100; ++i) reason += "é";
  server.close(WebSocket::kNormal, reason);
  EXPECT_EQ(messages_of(client, server.take_output()).at(0).data, reason.substr(0, 123));
}

TEST(WebSocket, WhatBreaksTheProtocolEndsItWithTheReason) {
  EXPECT_EQ(fault_in(frame(kText, "fine")), 0u);
  EXPECT_EQ(fault_in("\x81\x05Hello"), WebSocket::kProtocolError);   // not masked
  EXPECT_EQ(fault_in(frame(0xc1, "x")), WebSocket::kProtocolError);  // a reserved bit
  EXPECT_EQ(fault_in(frame(0x83, "x")), WebSocket::kProtocolError);  // an unknown kind
  EXPECT_EQ(fault_in(frame(0x8b, "x")), WebSocket::kProtocolError);  // of control, too
  EXPECT_EQ(fault_in(frame(0x80, "x")), WebSocket::kProtocolError);  // continues nothing
  EXPECT_EQ(fault_in(frame(0x01, "x") + frame(kText, "y")), WebSocket::kProtocolError);
  EXPECT_EQ(fault_in(frame(0x09, "x")), WebSocket::kProtocolError);     // a ping in fragments
  EXPECT_EQ(fault_in("\x89\xfe\x00\x80"s), WebSocket::kProtocolError);  // and a long one
  EXPECT_EQ(fault_in("\x82\xfe\x00\x05"s + "\0\0\0\0Hello"s), WebSocket::kProtocolError);  // length too wide
  EXPECT_EQ(fault_in(frame(kClose, "\x03")), WebSocket::kProtocolError);
  EXPECT_EQ(fault_in(frame(kClose, "\x03\xed"s)), WebSocket::kProtocolError);  // 1005 is not for the wire
  EXPECT_EQ(fault_in(frame(kText, "\xff")), WebSocket::kInvalidData);
  EXPECT_EQ(fault_in(frame(kClose, "\x03\xe8\xff"s)), WebSocket::kInvalidData);
}

TEST(WebSocket, AMessageTooLargeIsRefusedByItsHead) {
  EXPECT_EQ(fault_in("\x82\xfe\x03\xe9"s, 1000), WebSocket::kTooBig);  // 1001 bytes are to come
  EXPECT_EQ(fault_in("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff"s, 1000), WebSocket::kTooBig);
  EXPECT_EQ(fault_in(frame(0x02, std::string(60, 'a')) + frame(0x80, std::string(60, 'b')), 100),
            WebSocket::kTooBig);
  EXPECT_EQ(fault_in(frame(kBinary, std::string(100, 'a')), 100), 0u);
}

}  // namespace
}  // namespace gantry::http
