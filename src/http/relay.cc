// SPDX-License-Identifier: Apache-2.0
#include "http/relay.h"

#include <poll.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <span>

namespace gantry::http {
namespace {

constexpr std::size_t kBuffer = 32 << 10;  // bytes

short events_of(Stream::Wants wants) {
  if (wants == Stream::Wants::Reading) return POLLIN;
  return wants == Stream::Wants::Writing ? POLLOUT : short{0};
}

// From one stream to the other.
class Direction {
 public:
  Direction(Stream& from, Stream& to) : from_(from), to_(to) {}

  // As much as goes without waiting.
  Result<void> advance() {
    while (!has_ended_) {
      if (sent_ == filled_ && !TRY(fill())) return {};
      const auto attempt = TRY(to_.try_write(std::span(buffer_).subspan(sent_, filled_ - sent_)));
      sent_ += attempt.bytes;
      to_wants_ = attempt.wants;
      if (attempt.wants != Stream::Wants::Nothing) return {};
    }
    return {};
  }

  bool has_ended() const { return has_ended_; }
  bool has_buffered() const { return !has_ended_ && sent_ == filled_ && from_.has_buffered(); }
  short wanted_of(const Stream& stream) const {
    if (has_ended_) return 0;
    const bool is_writing = sent_ < filled_;
    if (&stream == &from_) return is_writing ? short{0} : events_of(from_wants_);
    return is_writing ? events_of(to_wants_) : short{0};
  }

 private:
  // Whether there is something to send.
  Result<bool> fill() {
    const auto attempt = TRY(from_.try_read(buffer_));
    from_wants_ = attempt.wants;
    sent_ = 0;
    filled_ = attempt.bytes;
    if (attempt.bytes > 0) return true;
    if (attempt.wants != Stream::Wants::Nothing) return false;
    has_ended_ = true;
    TRY(to_.shut_down_writing());
    return false;
  }

  Stream& from_;
  Stream& to_;
  std::array<std::byte, kBuffer> buffer_;
  std::size_t filled_ = 0, sent_ = 0;
  Stream::Wants from_wants_ = Stream::Wants::Reading, to_wants_ = Stream::Wants::Nothing;
  bool has_ended_ = false;
};

}  // namespace

Result<void> relay(Stream& one, Stream& other) {
  Direction there(one, other), back(other, one);
  for (;;) {
    TRY(there.advance());
    TRY(back.advance());
    if (there.has_ended() && back.has_ended()) return {};
    const auto wanted = [&](const Stream& stream) {
      return static_cast<short>(there.wanted_of(stream) | back.wanted_of(stream));
    };
    std::array<pollfd, 2> waited = {{{one.fd(), wanted(one), 0}, {other.fd(), wanted(other), 0}}};
    const bool is_ready = there.has_buffered() || back.has_buffered();
    if (::poll(waited.data(), waited.size(), is_ready ? 0 : -1) < 0 && errno != EINTR)
      return sys_error("wait for two connections");
  }
}

}  // namespace gantry::http
