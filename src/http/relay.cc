// SPDX-License-Identifier: Apache-2.0
#include "http/relay.h"

#include <chrono>
#include <span>
#include <utility>

namespace gantry::http {
namespace {

using Side = Interpreter::Side;

constexpr std::size_t kReadAtOnce = 32 << 10;  // bytes
// Of what a side is answered by itself (pongs) while it takes nothing.
constexpr std::size_t kMostUnsaid = 64 << 10;  // bytes
// How long the other way stays open when one has ended. The protocols that are relayed know no half of a
// connection; this is for what is on its way.
constexpr std::chrono::seconds kLinger{10};

std::uint32_t events_of(Stream::Wants wants) {
  if (wants == Stream::Wants::Reading) return EPOLLIN;
  return wants == Stream::Wants::Writing ? EPOLLOUT : 0u;
}

// What one side says is what the other hears.
class Passing final : public Interpreter {
 public:
  Result<void> hear(Side from, std::string_view bytes) override {
    send(other(from), bytes);
    return {};
  }
  void hear_end(Side from) override { finish(other(from)); }
};

// One of the two connections.
class End {
 public:
  End(EventLoop& loop, Stream stream, Side side, Interpreter& between, Callback on_ready)
      : stream_(std::move(stream)), side_(side), between_(between), watch_(loop, on_ready) {}

  void open() { stream_.keep_alive(); }
  bool is_deaf() const { return has_ended_ || between_.is_deaf_to(side_); }
  bool is_drained() const { return out_.empty(); }
  bool is_done() const { return is_deaf() && is_shut_; }

  // Whether its peer is to be heard: not while something of it waits for the other one.
  bool may_read(const End& other) const {
    return !is_deaf() && other.is_drained() && out_.size() < kMostUnsaid && between_.has_room_for(side_);
  }

  // Passes on what is there now.
  Result<void> read_into(End& other) {
    while (may_read(other)) {
      std::array<std::byte, kReadAtOnce> buffer;
      const auto attempt = stream_.try_read(buffer);
      if (attempt) read_wants_ = attempt->wants;
      if (!attempt) {
        break_off();
      } else if (attempt->bytes > 0) {
        TRY(between_.hear(side_, text_of(std::span(buffer).first(attempt->bytes))));
      } else if (attempt->wants == Stream::Wants::Nothing) {
        end();
      } else {
        return {};
      }
      other.flush();
      flush();
    }
    return {};
  }

  // As much as goes without waiting.
  void flush() {
    collect();
    while (!out_.empty()) {
      const auto attempt = stream_.try_write(std::as_bytes(std::span(out_)).subspan(sent_));
      if (!attempt) return break_off();
      sent_ += attempt->bytes;
      write_wants_ = attempt->wants;
      if (sent_ == out_.size()) {
        forget_output();
      } else if (attempt->wants != Stream::Wants::Nothing) {
        return;
      }
    }
    if (between_.has_finished(side_) && !std::exchange(is_shut_, true))
      (void)stream_.shut_down_writing();  // who is gone already is found so when he is heard
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
      return watch_.start(stream_.fd(), events);
    }
    return {};
  }

 private:
  void end() {
    if (!std::exchange(has_ended_, true)) between_.hear_end(side_);
  }
  // A connection that breaks has ended; what it has not taken nobody takes.
  void break_off() {
    is_shut_ = true;
    forget_output();
    end();
  }

  void forget_output() {
    std::string().swap(out_);
    sent_ = 0;
  }
  void collect() {
    std::string more = between_.take_output(side_);
    if (is_shut_) return;
    if (out_.empty())
      out_ = std::move(more);
    else
      out_ += more;
  }

  Stream stream_;
  const Side side_;
  Interpreter& between_;
  std::string out_;
  std::size_t sent_ = 0;
  Stream::Wants read_wants_ = Stream::Wants::Reading, write_wants_ = Stream::Wants::Nothing;
  bool has_ended_ = false;  // its peer sends no more
  bool is_shut_ = false;    // it is sent no more
  Watch watch_;             // after stream_, so that it stops before the descriptor closes
};

class Relay final : public StreamLoop::Resident {
 public:
  Relay(StreamLoop& home, Stream client, Stream server, std::unique_ptr<Interpreter> between)
      : Resident(home),
        between_(std::move(between)),
        client_(loop(), std::move(client), Side::Client, *between_, Callback::to<&Relay::on_ready>(*this)),
        server_(loop(), std::move(server), Side::Server, *between_, Callback::to<&Relay::on_ready>(*this)),
        linger_(loop(), Callback::to<&Relay::on_time>(*this)) {}

  void open() override {
    client_.open();
    server_.open();
    between_->begin();
    on_ready();
  }

 private:
  void on_ready() {
    if (!advance() || (client_.is_done() && server_.is_done())) return leave();
    if ((client_.is_deaf() || server_.is_deaf()) && !linger_.is_started()) linger_.start(kLinger);
  }
  void on_time() { leave(); }

  // What one of them takes may be what the other has waited for.
  Result<void> advance() {
    client_.flush();
    server_.flush();
    TRY(client_.read_into(server_));
    TRY(server_.read_into(client_));
    TRY(client_.read_into(server_));
    TRY(client_.wait(server_));
    return server_.wait(client_);
  }

  const std::unique_ptr<Interpreter> between_;
  End client_, server_;
  Timer linger_;
};

}  // namespace

std::string Interpreter::take_output(Side to) { return std::exchange(end_of(to).output, {}); }

Result<void> relay(StreamLoop& loop, Stream client, Stream server, std::unique_ptr<Interpreter> between) {
  return loop.admit(std::make_unique<Relay>(loop, std::move(client), std::move(server), std::move(between)));
}

Result<void> relay(StreamLoop& loop, Stream client, Stream server) {
  return relay(loop, std::move(client), std::move(server), std::make_unique<Passing>());
}

}  // namespace gantry::http
