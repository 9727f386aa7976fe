// SPDX-License-Identifier: Apache-2.0
#include "http/response_frames.h"

#include <array>
#include <cstddef>
#include <span>
#include <utility>

namespace gantry::http {
namespace {

constexpr std::size_t kFrame = 32 << 10;  // bytes

}  // namespace

// Waits for the socket once, each time that it is told to.
class ResponseFrames::Waiter {
 public:
  Waiter(EventLoop& loop, int fd, std::function<void()> wake)
      : fd_(fd), wake_(std::move(wake)), watch_(loop, Callback::to<&Waiter::on_ready>(*this)) {}

  void wait() {
    if (!watch_.is_started() && !watch_.start(fd_, EPOLLIN)) wake_();  // reading will say what is wrong
  }

 private:
  void on_ready() {
    watch_.stop();
    wake_();
  }

  const int fd_;
  const std::function<void()> wake_;
  Watch watch_;
};

ResponseFrames::ResponseFrames(StreamLoop& loop, ClientResponse answer)
    : loop_(loop), answer_(std::move(answer)) {
  answer_.stream().keep_alive();
}

ResponseFrames::~ResponseFrames() {
  loop_.thread().call([this] { waiter_.reset(); });
}

void ResponseFrames::set_wake(std::function<void()> wake) {
  waiter_ = std::make_unique<Waiter>(loop_.thread().loop(), answer_.stream().fd(), std::move(wake));
}

FrameSource::State ResponseFrames::take(std::vector<SharedBytes>& frames, std::size_t bytes) {
  for (std::size_t taken = 0; taken < bytes;) {
    std::array<std::byte, kFrame> frame;
    const auto got = answer_.try_read_body(frame);
    if (!got) return State::Cut;
    if (got->bytes == 0 && got->wants == Stream::Wants::Nothing) return State::End;
    if (got->bytes == 0) {
      if (frames.empty()) loop_.thread().post([waiter = waiter_.get()] { waiter->wait(); });
      return State::Open;
    }
    taken += got->bytes;
    frames.emplace_back(text_of(std::span(frame).first(got->bytes)));
  }
  return State::Open;
}

}  // namespace gantry::http
