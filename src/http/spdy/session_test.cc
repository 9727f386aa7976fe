// SPDX-License-Identifier: Apache-2.0
#include "http/spdy/session.h"

#include <gtest/gtest.h>

#include "http/spdy/big_endian.h"
#include "testing/must.h"

namespace gantry::http::spdy {
namespace {

using namespace std::string_literals;

// What happened, as text.
std::string told(Session& session) {
  constexpr const char* kNames[] = {"opened", "accepted", "data", "finished", "reset", "go away"};
  std::string text;
  while (const auto event = MUST(session.next())) {
    text += std::to_string(event->stream) + " " + kNames[static_cast<int>(event->kind)];
    if (!event->data.empty()) text += " " + std::string(event->data);
    for (const Header& header : event->headers) text += " " + header.name + "=" + header.value;
    text += ";";
  }
  return text;
}

struct Sessions : ::testing::Test {
  Session client{Session::Side::Client}, server{Session::Side::Server};

  std::string to_server() {
    server.feed(client.take_output());
    return told(server);
  }
  std::string to_client() {
    client.feed(server.take_output());
    return told(client);
  }
};

TEST_F(Sessions, HaveStreamsThatBothSidesSpeakOn) {
  const StreamId input = MUST(client.open({{"streamtype", "stdin"}}));
  const StreamId output = MUST(client.open({{"streamtype", "stdout"}}));
  EXPECT_EQ(to_server(), "1 opened streamtype=stdin;3 opened streamtype=stdout;");
  server.reply(input);
  server.reply(output);
  EXPECT_EQ(to_client(), "1 accepted;3 accepted;");
  client.send(input, "question");
  client.finish(input);
  EXPECT_EQ(to_server(), "1 data question;1 finished;");
  server.send(output, "answer");
  server.finish(output);
  server.finish(input);
  EXPECT_EQ(to_client(), "3 data answer;3 finished;1 finished;");
}

TEST_F(Sessions, OpenStreamsFromBothSides) {
  EXPECT_EQ(MUST(server.open({{"a", "b"}})), 2u);
  EXPECT_EQ(to_client(), "2 opened a=b;");
}

TEST_F(Sessions, SayNothingOnStreamsThatAreOver) {
  const StreamId stream = MUST(client.open({}));
  client.reset(stream);
  client.send(stream, "late");
  client.finish(stream);
  EXPECT_EQ(to_server(), "1 opened;1 reset;");
  server.send(stream, "late");
  EXPECT_EQ(server.take_output(), "");
}

TEST_F(Sessions, HearNothingOnStreamsThatAreOver) {
  const StreamId stream = MUST(client.open({}));
  to_server();
  server.send(stream, "on its way");
  client.reset(stream);
  EXPECT_EQ(to_client(), "");
}

TEST_F(Sessions, AnswerPings) {
  server.feed("\x80\x03\x00\x06\x00\x00\x00\x04\x00\x00\x00\x01"s);  // of the client
  EXPECT_EQ(told(server), "");
  const std::string answer = server.take_output();
  EXPECT_EQ(answer, "\x80\x03\x00\x06\x00\x00\x00\x04\x00\x00\x00\x01"s);
  client.feed(answer);
  EXPECT_EQ(told(client), "");
  EXPECT_EQ(client.take_output(), "");
}

TEST_F(Sessions, GoAway) {
  server.go_away();
  EXPECT_EQ(to_client(), "0 go away;");
}

TEST_F(Sessions, CutLargeDataIntoFrames) {
  const StreamId stream = MUST(client.open({}));
  const std::string large(100'000, 'x');
  client.send(stream, large);
  server.feed(client.take_output());
  EXPECT_EQ(MUST(server.next())->kind, Event::Kind::Opened);
  std::string got;
  int pieces = 0;
  for (; const auto event = MUST(server.next()); ++pieces) got += event->data;
  EXPECT_EQ(got, large);
  EXPECT_EQ(pieces, 4);
}

TEST_F(Sessions, TellDataWhileTheirFrameComes) {
  const StreamId stream = MUST(client.open({}));
  to_server();
  client.send(stream, "abc");
  client.finish(stream);
  const std::string bytes = client.take_output();
  std::string text;
  for (const char byte : bytes) {
    server.feed({&byte, 1});
    text += told(server);
  }
  EXPECT_EQ(text, "1 data a;1 data b;1 data c;1 finished;");
}

TEST_F(Sessions, RefuseMoreStreamsThanTheyCanHave) {
  for (std::size_t i = 0; i < Session::kMostStreams; ++i) MUST(client.open({}));
  EXPECT_FALSE(client.open({}));
  to_server();
  Session another(Session::Side::Client);
  client.reset(1);
  MUST(client.open({}));
  EXPECT_EQ(to_server(), "1 reset;2049 opened;");
}

TEST_F(Sessions, EndWithNonsense) {
  const std::string wrong[] = {
      "\x80\x02\x00\x01\x00\x00\x00\x00"s,                  // version 2
      "\x80\x03\x00\x00\x00\x00\x00\x00"s,                  // of no type
      "\x80\x03\x00\x01\x00\xff\xff\xff"s,                  // 16 MiB
      "\x80\x03\x00\x01\x00\x00\x00\x04\x00\x00\x00\x01"s,  // cut off
      "\x80\x03\x00\x02\x00\x00\x00\x08\x00\x00\x00\x01zlib"s,
  };
  for (const std::string& bytes : wrong) {
    Session session(Session::Side::Server);
    session.feed(bytes);
    EXPECT_FALSE(session.next());
    EXPECT_TRUE(session.take_output().starts_with("\x80\x03\x00\x07"s));
    session.feed(bytes);
    EXPECT_EQ(MUST(session.next()), std::nullopt);
  }
}

TEST_F(Sessions, TakeNoNumberTwice) {
  MUST(client.open({}));
  const std::string bytes = client.take_output();
  server.feed(bytes);
  EXPECT_EQ(told(server), "1 opened;");
  Session another(Session::Side::Client);
  another.open({}).value();
  // The same compression goes on, so what is wrong is the number alone.
  HeaderPacker packer;
  (void)packer.pack({});
  std::string body;
  append_u32(body, 1);
  append_u32(body, 0);
  body += "\0\0"s + packer.pack({});
  std::string frame;
  append_u32(frame, 0x80030001);
  append_text(frame, body);
  server.feed(frame);
  EXPECT_FALSE(server.next());
}

}  // namespace
}  // namespace gantry::http::spdy
