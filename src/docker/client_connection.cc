// SPDX-License-Identifier: Apache-2.0
#include "docker/client_connection.h"

#include <utility>

#include <fmt/format.h>

namespace gantry::docker {
namespace {

constexpr std::chrono::seconds kLinger{5};
// Of one connection's input in one turn of the loop, so that others get theirs.
constexpr std::size_t kMostInput = 256 << 10;  // bytes
// A buffer that grew larger than this is given back once it is empty.
constexpr std::size_t kKeptBuffer = 64 << 10;  // bytes

}  // namespace

ClientConnection::ClientConnection(EventLoop& loop, http::Stream stream, Kind kind, Listener& listener)
    : stream_(std::move(stream)),
      kind_(kind),
      listener_(listener),
      watch_(loop, Callback::to<&ClientConnection::on_ready>(*this)),
      linger_timer_(loop, Callback::to<&ClientConnection::on_linger_timer>(*this)) {}

Result<void> ClientConnection::open() {
  TRY(watch_.start(stream_.fd(), is_input_paused_ ? 0u : std::uint32_t{EPOLLIN}));
  state_ = State::Open;
  if (stream_.has_buffered()) read_input();
  return {};
}

void ClientConnection::write(std::string_view bytes, std::string_view more) {
  const std::size_t size = bytes.size() + more.size();
  // A chunk without bytes would be the end.
  if (state_ != State::Open || is_output_broken_ || size == 0) return;
  if (kind_ == Kind::Chunked) fmt::format_to(std::back_inserter(unsent_), "{:x}\r\n", size);
  unsent_.append(bytes).append(more);
  if (kind_ == Kind::Chunked) unsent_ += "\r\n";
  flush();
  update_watch();
}

void ClientConnection::finish() {
  if (state_ != State::Open) return;
  if (kind_ == Kind::Chunked && !is_output_broken_) unsent_ += "0\r\n\r\n";
  state_ = State::Finishing;
  flush();
  if (unsent() == 0) linger();
  update_watch();
}

void ClientConnection::close() {
  state_ = State::Gone;
  watch_.stop();
  linger_timer_.stop();
}

void ClientConnection::pause_input() {
  is_input_paused_ = true;
  update_watch();
}

void ClientConnection::resume_input() {
  if (!std::exchange(is_input_paused_, false)) return;
  // Bytes may wait where epoll does not see them, or the watch may have been stopped.
  if (stream_.has_buffered() || has_hung_up_) read_input();
  update_watch();
}

void ClientConnection::on_ready(std::uint32_t events) {
  if (const bool had_unsent = unsent() > 0; had_unsent && (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) {
    flush();
    if (unsent() == 0 && state_ == State::Finishing) linger();
    if (unsent() == 0 && state_ == State::Open) listener_.on_drained();
  }
  const bool is_over = (events & (EPOLLHUP | EPOLLERR)) != 0;
  if (is_over && has_input_ended_) return gone();
  if (is_over && is_input_paused_) {
    // It would be told again and again; what the client has sent before it left is still to be read.
    has_hung_up_ = true;
    watch_.stop();
    return listener_.on_hung_up();
  }
  if (!has_input_ended_ && !is_input_paused_) read_input();
  update_watch();
}

void ClientConnection::flush() {
  while (unsent() > 0) {
    const auto attempt = stream_.try_write(bytes_of(std::string_view(unsent_).substr(sent_)));
    if (!attempt) {
      // Whether the client is gone altogether shows at its input.
      is_output_broken_ = true;
      break;
    }
    if (attempt->bytes == 0) return;
    sent_ += attempt->bytes;
  }
  sent_ = 0;
  if (unsent_.capacity() > kKeptBuffer)
    unsent_ = std::string();
  else
    unsent_.clear();
}

void ClientConnection::read_input() {
  char buffer[16 << 10];
  std::size_t taken = 0;
  reading_wants_room_ = false;
  while (state_ != State::Gone && !is_input_paused_ &&
         (taken < kMostInput || has_hung_up_ || stream_.has_buffered())) {
    const auto attempt = stream_.try_read(std::as_writable_bytes(std::span(buffer)));
    if (!attempt) return gone();
    if (attempt->wants != http::Stream::Wants::Nothing) {
      reading_wants_room_ = attempt->wants == http::Stream::Wants::Writing;
      return;
    }
    if (attempt->bytes == 0) return input_ended();
    taken += attempt->bytes;
    take_input({buffer, attempt->bytes});
  }
}

// A client says nothing while it reads an answer; what comes when everything was said is too late.
void ClientConnection::take_input(std::string_view bytes) {
  if (state_ == State::Open && !is_answer()) listener_.on_input(bytes);
}

void ClientConnection::input_ended() {
  has_input_ended_ = true;
  if (is_answer() || state_ == State::Lingering || is_output_broken_) {
    if (state_ == State::Open && !is_answer()) listener_.on_input_end();
    return gone();
  }
  if (state_ == State::Open) listener_.on_input_end();
  if (has_hung_up_) gone();
}

void ClientConnection::linger() {
  if (has_input_ended_ || is_output_broken_ || !stream_.shut_down_writing()) return gone();
  state_ = State::Lingering;
  is_input_paused_ = false;
  linger_timer_.start(kLinger);
}

void ClientConnection::on_linger_timer() { gone(); }

void ClientConnection::gone() {
  if (state_ == State::Gone) return;
  close();
  listener_.on_gone();
}

void ClientConnection::update_watch() {
  if (!watch_.is_started()) return;
  std::uint32_t events = 0;
  if (!has_input_ended_ && !is_input_paused_) events |= EPOLLIN;
  if (unsent() > 0 || reading_wants_room_) events |= EPOLLOUT;
  watch_.wait_for(events);
}

}  // namespace gantry::docker
