// SPDX-License-Identifier: Apache-2.0
#include "kube/connect/exec_translator.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "http/spdy/session.h"
#include "http/websocket.h"
#include "kube/api/status.h"
#include "kube/connect/query_flag.h"

namespace gantry::kube {
namespace {

using http::WebSocket;
using http::spdy::Event;
using http::spdy::Session;
using http::spdy::StreamId;

enum Channel : std::uint8_t { kStdin, kStdout, kStderr, kError, kResize, kChannels };
constexpr std::array<const char*, kChannels> kStreamTypes = {"stdin", "stdout", "stderr", "error", "resize"};
constexpr std::uint8_t kCloseChannel = 255;
constexpr std::size_t kMostOfAStatus = 64 << 10;  // bytes

std::string success() { return R"({"metadata":{},"status":"Success"})"; }

class ExecTranslator final : public http::Interpreter {
 public:
  explicit ExecTranslator(const http::Query& query) {
    const bool has_terminal = is_true(query, "tty");
    is_wanted_[kError] = true;
    is_wanted_[kStdin] = is_true(query, "input");
    is_wanted_[kStdout] = is_true(query, "output");
    is_wanted_[kStderr] = is_true(query, "error") && !has_terminal;  // which has them as one
    is_wanted_[kResize] = has_terminal;
  }

  // The client is told at once that it is connected, by a message that says nothing.
  void begin() override {
    for (const Channel channel : {kError, kStdin, kStdout, kStderr, kResize})
      if (is_wanted_[channel]) open(channel);
    tell(is_wanted_[kStdout] ? kStdout : is_wanted_[kStderr] ? kStderr : kError, {});
    flush();
  }

  // Agents drop what comes before they have replied.
  bool has_room_for(Side from) const override { return from == Side::Server || unanswered_ == 0; }

  Result<void> hear(Side from, std::string_view bytes) override {
    if (from == Side::Client)
      hear_client(bytes);
    else
      hear_agent(bytes);
    flush();
    return {};
  }

  void hear_end(Side from) override {
    if (from == Side::Client)
      leave();
    else
      conclude();
    flush();
  }

 private:
  struct Stream {
    StreamId id = 0;
    bool is_over = false;  // nothing more comes of the agent
  };

  void open(Channel channel) {
    const auto id = agent_.open({{"streamtype", kStreamTypes[channel]}});
    if (!id) return;  // there may be a thousand
    streams_[channel] = Stream{.id = *id};
    ++unanswered_;
  }

  // ---- From the client

  void hear_client(std::string_view bytes) {
    client_.feed(bytes);
    for (;;) {
      const auto message = client_.next();
      if (message && !*message) return;
      if (!message || (*message)->kind == WebSocket::Kind::Close) return leave();
      if ((*message)->kind != WebSocket::Kind::Pong) pass_to_agent((*message)->data);
    }
  }

  // What is for no stream that it may write on says nothing to anybody.
  void pass_to_agent(std::string_view message) {
    if (message.empty()) return;
    const auto channel = static_cast<std::uint8_t>(message.front());
    message.remove_prefix(1);
    if (channel == kCloseChannel) {
      if (const Stream* stream = message.empty() ? nullptr : writable(message.front()))
        agent_.finish(stream->id);
    } else if (const Stream* stream = writable(static_cast<char>(channel))) {
      agent_.send(stream->id, message);
    }
  }

  const Stream* writable(char channel) const {
    if (channel != kStdin && channel != kResize) return nullptr;
    const auto& stream = streams_[static_cast<std::size_t>(channel)];
    return stream ? &*stream : nullptr;
  }

  // The client has gone: there is nobody to tell anything.
  void leave() {
    agent_.go_away();
    stop_hearing(Side::Client);
    stop_hearing(Side::Server);
    finish(Side::Client);
    finish(Side::Server);
  }

  // ---- From the agent

  void hear_agent(std::string_view bytes) {
    agent_.feed(bytes);
    for (;;) {
      const auto event = agent_.next();
      if (!event) return conclude();
      if (!*event) break;
      take(**event);
    }
    if (has_all_output()) conclude();
  }

  void take(const Event& event) {
    if (event.kind == Event::Kind::Opened) return agent_.reset(event.stream);
    const auto channel = channel_of(event.stream);
    if (!channel) return;
    switch (event.kind) {
      case Event::Kind::Accepted: --unanswered_; break;
      case Event::Kind::Data: take_data(*channel, event.data); break;
      case Event::Kind::Finished:
      case Event::Kind::Reset: streams_[*channel]->is_over = true; break;
      case Event::Kind::Opened:
      case Event::Kind::GoAway: break;  // of the connection, whose end follows
    }
  }

  void take_data(Channel channel, std::string_view data) {
    if (channel == kError)
      status_ += data.substr(0, kMostOfAStatus - std::min(status_.size(), kMostOfAStatus));
    else if (channel == kStdout || channel == kStderr)
      tell(channel, data);
  }

  std::optional<Channel> channel_of(StreamId id) const {
    for (const Channel channel : {kStdin, kStdout, kStderr, kError, kResize})
      if (streams_[channel] && streams_[channel]->id == id) return channel;
    return std::nullopt;
  }

  bool has_all_output() const {
    return std::ranges::all_of(std::array{kStdout, kStderr, kError}, [&](Channel channel) {
      return !streams_[channel] || streams_[channel]->is_over;
    });
  }

  // How it ended is the last that the client is told.
  void conclude() {
    if (is_deaf_to(Side::Server)) return;
    if (!status_.empty())
      tell(kError, status_);
    else if (streams_[kError] && streams_[kError]->is_over)
      tell(kError, success());
    else
      tell(kError, internal_error("the connection to the node's agent was lost").to_tree().to_text());
    client_.close();
    agent_.go_away();
    stop_hearing(Side::Server);
    finish(Side::Client);
    finish(Side::Server);
  }

  // ---- To both

  void tell(Channel channel, std::string_view data) {
    std::string message(1, static_cast<char>(channel));
    client_.send(WebSocket::Kind::Binary, message += data);
  }

  void flush() {
    send(Side::Client, client_.take_output());
    send(Side::Server, agent_.take_output());
  }

  WebSocket client_{WebSocket::Side::Server};
  Session agent_{Session::Side::Client};
  std::array<bool, kChannels> is_wanted_{};
  std::array<std::optional<Stream>, kChannels> streams_;
  int unanswered_ = 0;  // streams to which the agent has not replied
  std::string status_;  // as the agent says it
};

}  // namespace

std::unique_ptr<http::Interpreter> exec_translator(const http::Query& query) {
  return std::make_unique<ExecTranslator>(query);
}

}  // namespace gantry::kube
