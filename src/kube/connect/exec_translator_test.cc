// SPDX-License-Identifier: Apache-2.0
#include "kube/connect/exec_translator.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "http/spdy/session.h"
#include "http/websocket.h"
#include "testing/must.h"

namespace gantry::kube {
namespace {

using http::Interpreter;
using http::WebSocket;
using http::spdy::Event;
using http::spdy::Session;
using http::spdy::StreamId;
using Side = Interpreter::Side;
using namespace std::string_literals;

const std::string kStdin = "\x00"s, kStdout = "\x01"s, kStderr = "\x02"s, kError = "\x03"s, kResize = "\x04"s;

// A client and an agent with the translator between them, without sockets.
class Exec : public ::testing::Test {
 protected:
  void start(std::string_view query) {
    translator_ = exec_translator(MUST(http::Query::parse(query)));
    translator_->begin();
  }

  // What came to the agent: "stdin:hello;", a type alone when its stream was opened, "stdin." at its end.
  std::string agent_hears() {
    agent_.feed(translator_->take_output(Side::Server));
    std::string told;
    while (const auto event = MUST(agent_.next())) {
      if (event->kind == Event::Kind::GoAway) told += "gone;";
      if (event->kind == Event::Kind::Opened) {
        types_[event->stream] = event->headers.get_or("streamtype", "");
        streams_[types_[event->stream]] = event->stream;
        told += types_[event->stream] + ";";
      }
      if (event->kind == Event::Kind::Data)
        told += types_[event->stream] + ":" + std::string(event->data) + ";";
      if (event->kind == Event::Kind::Finished) told += types_[event->stream] + ".;";
    }
    return told;
  }
  void agent_accepts() {
    for (const auto& [type, stream] : streams_) agent_.reply(stream);
    deliver();
  }
  void agent_says(const std::string& type, std::string_view data) {
    agent_.send(streams_.at(type), data);
    deliver();
  }
  void agent_ends(const std::string& type) {
    agent_.finish(streams_.at(type));
    deliver();
  }
  void deliver() { MUST(translator_->hear(Side::Server, agent_.take_output())); }

  void client_says(const std::string& message) {
    client_.send(WebSocket::Kind::Binary, message);
    MUST(translator_->hear(Side::Client, client_.take_output()));
  }
  // Its messages, one after the other; "close" for that.
  std::vector<std::string> client_hears() {
    client_.feed(translator_->take_output(Side::Client));
    std::vector<std::string> messages;
    while (const auto message = MUST(client_.next()))
      messages.push_back(message->kind == WebSocket::Kind::Close ? "close" : message->data);
    return messages;
  }
  bool is_over() const {
    return translator_->has_finished(Side::Client) && translator_->has_finished(Side::Server) &&
           translator_->is_deaf_to(Side::Server);
  }

  using Messages = std::vector<std::string>;
  std::unique_ptr<Interpreter> translator_;
  Session agent_{Session::Side::Server};
  WebSocket client_{WebSocket::Side::Client};
  std::map<StreamId, std::string> types_;
  std::map<std::string, StreamId> streams_;
};

TEST_F(Exec, OpensTheStreamsThatWereAskedForAndTellsTheClientThatItIsConnected) {
  start("input=1&output=1&error=1");
  EXPECT_EQ(agent_hears(), "error;stdin;stdout;stderr;");
  EXPECT_EQ(client_hears(), Messages{kStdout});
}

TEST_F(Exec, ATerminalHasOneStreamForBothOutputsAndOneForItsSize) {
  start("input=1&output=1&error=1&tty=1");
  EXPECT_EQ(agent_hears(), "error;stdin;stdout;resize;");
  agent_accepts();
  client_says(kResize + R"({"Width":80,"Height":25})");
  EXPECT_EQ(agent_hears(), R"(resize:{"Width":80,"Height":25};)");
}

TEST_F(Exec, HearsTheClientOnceTheAgentHasAccepted) {
  start("input=1");
  EXPECT_EQ(client_hears(), Messages{kError});
  agent_hears();
  EXPECT_FALSE(translator_->has_room_for(Side::Client));
  agent_accepts();
  EXPECT_TRUE(translator_->has_room_for(Side::Client));
}

TEST_F(Exec, PassesBytesBothWaysAndTheEndOfInput) {
  start("input=1&output=1&error=1");
  agent_hears();
  agent_accepts();
  client_hears();
  client_says(kStdin + "question");
  client_says("\xff"s + kStdin);
  EXPECT_EQ(agent_hears(), "stdin:question;stdin.;");
  agent_says("stdout", "answer");
  agent_says("stderr", "sigh");
  EXPECT_EQ(client_hears(), (Messages{kStdout + "answer", kStderr + "sigh"}));
}

TEST_F(Exec, EndsWithTheStatusWhenAllWasSaid) {
  start("output=1");
  agent_hears();
  agent_accepts();
  client_hears();
  agent_says("error", R"({"status":"Failure"})");
  agent_ends("error");
  EXPECT_EQ(client_hears(), Messages{});
  agent_says("stdout", "last words");
  agent_ends("stdout");
  EXPECT_EQ(client_hears(), (Messages{kStdout + "last words", kError + R"({"status":"Failure"})", "close"}));
  EXPECT_TRUE(is_over());
  EXPECT_EQ(agent_hears(), "gone;");
}

TEST_F(Exec, ThatSaysNothingWentWell) {
  start("output=1");
  agent_hears();
  agent_accepts();
  client_hears();
  agent_.reset(streams_.at("stdout"));
  agent_.reset(streams_.at("error"));
  deliver();
  EXPECT_EQ(client_hears(), (Messages{kError + R"({"metadata":{},"status":"Success"})", "close"}));
}

TEST_F(Exec, WhoseAgentVanishesFails) {
  start("output=1");
  agent_hears();
  client_hears();
  translator_->hear_end(Side::Server);
  const Messages told = client_hears();
  ASSERT_EQ(told.size(), 2u);
  EXPECT_TRUE(told[0].contains("the connection to the node's agent was lost")) << told[0];
  EXPECT_TRUE(is_over());
}

TEST_F(Exec, WhoseAgentTalksNonsenseFails) {
  start("output=1");
  client_hears();
  MUST(translator_->hear(Side::Server, "\x80\x02\x00\x01\x00\x00\x00\x00"s));
  EXPECT_EQ(client_hears().size(), 2u);
  EXPECT_TRUE(is_over());
}

TEST_F(Exec, EndsWhenTheClientGoes) {
  start("input=1&output=1");
  agent_hears();
  agent_accepts();
  client_.close();
  MUST(translator_->hear(Side::Client, client_.take_output()));
  EXPECT_EQ(agent_hears(), "gone;");
  EXPECT_TRUE(is_over());
}

TEST_F(Exec, IgnoresWhatIsForNoStream) {
  start("output=1");
  agent_hears();
  agent_accepts();
  for (const std::string& message :
       {""s, kStdin + "no input", kStdout + "backwards", "\x09?"s, "\xff"s, "\xff\x03"s, "\xff\x09"s})
    client_says(message);
  EXPECT_EQ(agent_hears(), "");
}

TEST_F(Exec, KeepsNoMoreOfAStatusThanThereShouldBe) {
  start("");
  agent_hears();
  agent_accepts();
  client_hears();
  for (int i = 0; i < 20; ++i) agent_says("error", std::string(10'000, 'x'));
  agent_ends("error");
  EXPECT_EQ(client_hears().front().size(), 1u + (64 << 10));
}

}  // namespace
}  // namespace gantry::kube
