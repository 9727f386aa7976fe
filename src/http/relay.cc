// SPDX-License-Identifier: Apache-2.0
#include "http/relay.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <utility>

namespace gantry::http {
namespace {

constexpr std::size_t kReadAtOnce = 32 << 10;  // bytes
// Of what a WebSocket says by itself (pongs) to a peer that takes nothing.
constexpr std::size_t kMostUnsaid = 64 << 10;  // bytes
// How long the other way stays open when one has ended. The protocols that are relayed know no half of a
// connection; this is for what is on its way.
constexpr std::chrono::seconds kLinger{10};

std::uint32_t events_of(Stream::Wants wants) {
  if (wants == Stream::Wants::Reading) return EPOLLIN;
  return wants == Stream::Wants::Writing ? EPOLLOUT : 0u;
}

// One of the two connections.
class End {
 public:
  End(EventLoop& loop, RelayEnd end, Callback on_ready) : end_(std::move(end)), watch_(loop, on_ready) {}

  void open() { end_.stream.keep_alive(); }
  bool has_ended() const { return has_ended_; }
  bool is_drained() const { return out_.empty(); }
  bool is_done() const { return has_ended_ && is_finished_ && is_drained(); }

  // Whether its peer is to be heard: not while something of it waits for the other one.
  bool may_read(const End& other) const {
    return !has_ended_ && other.is_drained() && out_.size() < kMostUnsaid;
  }

  // Passes on what is there now.
  Result<void> read_into(End& other) {
    while (may_read(other)) {
      std::array<std::byte, kReadAtOnce> buffer;
      const auto attempt = TRY(end_.stream.try_read(buffer));
      read_wants_ = attempt.wants;
      if (attempt.bytes == 0 && attempt.wants != Stream::Wants::Nothing) return {};
      if (attempt.bytes == 0)
        has_ended_ = true;
      else
        TRY(take(text_of(std::span(buffer).first(attempt.bytes)), other));
      if (has_ended_) other.finish();
      TRY(other.flush());
    }
    return {};
  }

  // As much as goes without waiting.
  Result<void> flush() {
    while (!out_.empty()) {
      const auto attempt = TRY(end_.stream.try_write(std::as_bytes(std::span(out_)).subspan(sent_)));
      sent_ += attempt.bytes;
      write_wants_ = attempt.wants;
      if (sent_ == out_.size()) {
        std::string().swap(out_);
        sent_ = 0;
      } else if (attempt.wants != Stream::Wants::Nothing) {
        return {};
      }
    }
    if (is_finished_ && !std::exchange(is_shut_, true)) return end_.stream.shut_down_writing();
    return {};
  }

  Result<void> wait(const End& other) {
    const std::uint32_t events =
        (may_read(other) ? events_of(read_wants_) : 0u) | (out_.empty() ? 0u : events_of(write_wants_));
    // Hanging up is told without being asked for, again and again: who waits for nothing does not listen.
    if (events == 0) {
      watch_.stop();
    } else if (watch_.is_started()) {
      watch_.wait_for(events);
    } else {
      return watch_.start(end_.stream.fd(), events);
    }
    return {};
  }

 private:
  Result<void> take(std::string_view bytes, End& other) {
    if (!end_.socket) {
      other.send(bytes);
      return {};
    }
    end_.socket->feed(bytes);
    for (;;) {
      auto message = end_.socket->next();
      out_ += end_.socket->take_output();
      if (!message || (*message && (*message)->kind == WebSocket::Kind::Close)) has_ended_ = true;
      if (!message || !*message) break;
      if ((*message)->kind == WebSocket::Kind::Binary || (*message)->kind == WebSocket::Kind::Text)
        other.send((*message)->data);
    }
    return flush();
  }

  void send(std::string_view bytes) {
    if (!end_.socket) {
      out_ += bytes;
      return;
    }
    end_.socket->send(WebSocket::Kind::Binary, bytes);
    out_ += end_.socket->take_output();
  }

  // Nothing follows what was sent.
  void finish() {
    if (std::exchange(is_finished_, true) || !end_.socket || end_.socket->has_sent_close()) return;
    end_.socket->close();
    out_ += end_.socket->take_output();
  }

  RelayEnd end_;
  std::string out_;
  std::size_t sent_ = 0;
  Stream::Wants read_wants_ = Stream::Wants::Reading, write_wants_ = Stream::Wants::Nothing;
  bool has_ended_ = false;    // its peer sends no more
  bool is_finished_ = false;  // nothing is added to what it is sent
  bool is_shut_ = false;
  Watch watch_;  // after end_, so that it stops before the descriptor closes
};

class Relay final : public StreamLoop::Resident {
 public:
  Relay(StreamLoop& home, RelayEnd one, RelayEnd other)
      : Resident(home),
        one_(loop(), std::move(one), Callback::to<&Relay::on_ready>(*this)),
        other_(loop(), std::move(other), Callback::to<&Relay::on_ready>(*this)),
        linger_(loop(), Callback::to<&Relay::on_time>(*this)) {}

  void open() override {
    one_.open();
    other_.open();
    on_ready();
  }

 private:
  void on_ready() {
    if (!advance() || (one_.is_done() && other_.is_done())) return leave();
    if ((one_.has_ended() || other_.has_ended()) && !linger_.is_started()) linger_.start(kLinger);
  }
  void on_time() { leave(); }

  // What one of them takes may be what the other has waited for.
  Result<void> advance() {
    TRY(one_.flush());
    TRY(other_.flush());
    TRY(one_.read_into(other_));
    TRY(other_.read_into(one_));
    TRY(one_.wait(other_));
    return other_.wait(one_);
  }

  End one_, other_;
  Timer linger_;
};

}  // namespace

Result<void> relay(StreamLoop& loop, RelayEnd one, RelayEnd other) {
  return loop.admit(std::make_unique<Relay>(loop, std::move(one), std::move(other)));
}

}  // namespace gantry::http
