// SPDX-License-Identifier: Apache-2.0
#include "kube/http/pooled_frames.h"

#include <utility>

#include "base/mutex.h"

namespace gantry::kube {

class PooledFrames::Shared : public std::enable_shared_from_this<Shared> {
 public:
  Shared(std::unique_ptr<http::FrameSource> frames, std::shared_ptr<Lane> lane)
      : lane_(std::move(lane)), frames_(std::move(frames)) {
    frames_->set_wake([this] { on_news(); });  // which never outlives this
  }

  void set_wake(std::function<void()> wake) {
    const MutexLock lock(mutex_);
    wake_ = std::move(wake);
  }

  State take(std::vector<SharedBytes>& frames, std::size_t bytes) {
    const MutexLock lock(mutex_);
    bytes_ = bytes;
    const bool has_some = !ready_.empty();
    for (SharedBytes& frame : ready_) frames.push_back(std::move(frame));
    ready_.clear();
    if (state_ == State::Open && (has_some || !has_begun_)) begin();
    return state_;
  }

 private:
  void on_news() {
    const MutexLock lock(mutex_);
    has_news_ = true;
    if (ready_.empty()) begin();
  }

  // Nobody takes what is not there yet twice.
  void begin() REQUIRES(mutex_) {
    has_begun_ = true;
    if (is_working_ || !wake_) return;
    is_working_ = true;
    has_news_ = false;
    if (lane_->run([self = shared_from_this()] { self->work(); })) return;
    is_working_ = false;
    state_ = State::Cut;  // too many wait already: the client comes again
    wake_();
  }

  void work() {
    std::size_t bytes = 0;
    {
      const MutexLock lock(mutex_);
      bytes = bytes_;
    }
    std::vector<SharedBytes> frames;
    const State state = frames_->take(frames, bytes);
    const MutexLock lock(mutex_);
    ready_ = std::move(frames);
    state_ = state;
    is_working_ = false;
    if (!ready_.empty() || state_ != State::Open) {
      if (wake_) wake_();
    } else if (has_news_) {
      begin();
    }
  }

  const std::shared_ptr<Lane> lane_;
  Mutex mutex_;                                    // guards what follows
  std::function<void()> wake_ GUARDED_BY(mutex_);  // empty: nobody takes any more
  std::vector<SharedBytes> ready_ GUARDED_BY(mutex_);
  State state_ GUARDED_BY(mutex_) = State::Open;  // once `ready_` is taken
  std::size_t bytes_ GUARDED_BY(mutex_) = 0;
  bool has_begun_ GUARDED_BY(mutex_) = false;
  bool is_working_ GUARDED_BY(mutex_) = false;
  bool has_news_ GUARDED_BY(mutex_) = false;
  const std::unique_ptr<http::FrameSource> frames_;  // of who works; ends first
};

PooledFrames::PooledFrames(std::unique_ptr<http::FrameSource> frames, std::shared_ptr<Lane> lane)
    : shared_(std::make_shared<Shared>(std::move(frames), std::move(lane))) {}

PooledFrames::~PooledFrames() { shared_->set_wake({}); }

http::FrameSource::State PooledFrames::take(std::vector<SharedBytes>& frames, std::size_t bytes) {
  return shared_->take(frames, bytes);
}

void PooledFrames::set_wake(std::function<void()> wake) { shared_->set_wake(std::move(wake)); }

}  // namespace gantry::kube
