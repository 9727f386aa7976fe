// SPDX-License-Identifier: Apache-2.0
//
// A source of frames that a test fills.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "http/frame_source.h"

namespace gantry::http::testing {

class TestFrames final : public FrameSource {
 public:
  ~TestFrames() override {
    if (gone != nullptr) *gone = true;
  }
  void add(std::string_view frame) {
    change([&] { frames_.emplace_back(frame); });
  }
  void end(State state) {
    change([&] { state_ = state; });
  }

  State take(std::vector<SharedBytes>& frames, std::size_t bytes) override {
    const MutexLock lock(mutex_);
    for (std::size_t taken = 0; !frames_.empty() && taken < bytes; frames_.pop_front()) {
      taken += frames_.front().size();
      frames.push_back(frames_.front());
    }
    return frames_.empty() ? state_ : State::Open;
  }
  void set_wake(std::function<void()> wake) override {
    const MutexLock lock(mutex_);
    wake_ = std::move(wake);
  }

  std::atomic<bool>* gone = nullptr;

 private:
  template <class Change>
  void change(Change make) {
    std::function<void()> wake;
    {
      const MutexLock lock(mutex_);
      make();
      wake = wake_;
    }
    if (wake) wake();
  }

  Mutex mutex_;
  std::deque<SharedBytes> frames_ GUARDED_BY(mutex_);
  State state_ GUARDED_BY(mutex_) = State::Open;
  std::function<void()> wake_ GUARDED_BY(mutex_);
};

}  // namespace gantry::http::testing
