// SPDX-License-Identifier: Apache-2.0
#include "http/websocket_feed.h"

#include <array>
#include <chrono>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace gantry::http {
namespace {

constexpr std::size_t kTakenAtOnce = 64 << 10;  // bytes
constexpr std::size_t kMostHeard = 4 << 10;     // bytes of a message of the peer's, which is dropped
constexpr std::chrono::minutes kPatience{1};

class Feed;

// From the source's threads to the feed, which may have gone.
struct Wake {
  Mutex mutex;
  LoopThread* thread GUARDED_BY(mutex) = nullptr;  // null: it has gone
  Feed* feed = nullptr;                            // of the loop's thread
};

class Feed final : public StreamLoop::Resident {
 public:
  Feed(StreamLoop& home, Stream stream, std::shared_ptr<FrameSource> source, WebSocket::Kind messages)
      : Resident(home),
        thread_(home.thread()),
        messages_(messages),
        stream_(std::move(stream)),
        source_(std::move(source)),
        socket_(WebSocket::Side::Server, kMostHeard),
        watch_(loop(), Callback::to<&Feed::on_ready>(*this)),
        timer_(loop(), Callback::to<&Feed::on_time>(*this)) {}
  ~Feed() override {
    const MutexLock lock(wake_->mutex);
    wake_->thread = nullptr;
    wake_->feed = nullptr;
  }

  void open() override;

 private:
  void on_ready() { go_on(); }
  void on_time() { leave(); }
  void go_on() {
    if (!hear() || !tell() || (socket_.is_over() && out_.empty())) leave();
  }
  Result<void> hear();
  Result<void> tell();
  void refill();
  Result<void> flush();

  LoopThread& thread_;
  const WebSocket::Kind messages_;
  Stream stream_;
  std::shared_ptr<FrameSource> source_;
  WebSocket socket_;
  std::string out_;
  std::size_t sent_ = 0;
  const std::shared_ptr<Wake> wake_ = std::make_shared<Wake>();
  Watch watch_;  // after stream_, so that it stops before the descriptor closes
  Timer timer_;  // while the peer takes nothing, or its Close is still to come
};

void Feed::open() {
  stream_.keep_alive();
  if (!watch_.start(stream_.fd(), EPOLLIN)) return leave();
  {
    const MutexLock lock(wake_->mutex);
    wake_->thread = &thread_;
  }
  wake_->feed = this;
  source_->set_wake([wake = wake_] {
    const MutexLock lock(wake->mutex);
    if (wake->thread != nullptr)
      wake->thread->post([wake] {
        if (wake->feed != nullptr) wake->feed->go_on();
      });
  });
  go_on();
}

Result<void> Feed::hear() {
  std::array<std::byte, kMostHeard> buffer;
  for (;;) {
    const auto attempt = TRY(stream_.try_read(buffer));
    if (attempt.bytes == 0 && attempt.wants != Stream::Wants::Nothing) return {};
    if (attempt.bytes == 0) return error(Code::Unavailable, "the peer has gone");
    socket_.feed(text_of(std::span(buffer).first(attempt.bytes)));
    while (TRY(socket_.next())) {
    }
    // Its pings are answered, as long as it takes the answers.
    out_ += socket_.take_output();
    if (out_.size() > kTakenAtOnce) return error(Code::ResourceExhausted, "the peer takes nothing");
  }
}

Result<void> Feed::tell() {
  for (;;) {
    if (out_.empty()) refill();
    if (out_.empty()) {
      watch_.wait_for(EPOLLIN);
      if (socket_.has_sent_close() && !timer_.is_started()) timer_.start(kPatience);
      return {};
    }
    TRY(flush());
    if (out_.empty()) continue;
    watch_.wait_for(EPOLLIN | EPOLLOUT);
    if (!timer_.is_started()) timer_.start(kPatience);
    return {};
  }
}

void Feed::refill() {
  if (socket_.has_sent_close()) return;
  std::vector<SharedBytes> frames;
  const FrameSource::State state = source_->take(frames, kTakenAtOnce);
  for (const SharedBytes& frame : frames) socket_.send(messages_, frame.view());
  if (state == FrameSource::State::End) socket_.close();
  if (state == FrameSource::State::Cut) socket_.close(WebSocket::kInternalError, "the rest cannot be told");
  out_ += socket_.take_output();
}

Result<void> Feed::flush() {
  const auto attempt = TRY(stream_.try_write(std::as_bytes(std::span(out_)).subspan(sent_)));
  sent_ += attempt.bytes;
  if (attempt.bytes > 0) timer_.stop();
  if (sent_ < out_.size()) return {};
  std::string().swap(out_);
  sent_ = 0;
  return {};
}

}  // namespace

Result<void> feed_websocket(StreamLoop& loop, Stream stream, std::shared_ptr<FrameSource> source,
                            WebSocket::Kind messages) {
  return loop.admit(std::make_unique<Feed>(loop, std::move(stream), std::move(source), messages));
}

}  // namespace gantry::http
