// SPDX-License-Identifier: Apache-2.0
//
// Ends the threads of one transfer early: when one blob has failed, nobody waits for the others.
#pragma once

#include <chrono>
#include <optional>

#include "base/error.h"
#include "base/mutex.h"

namespace gantry::image {

class Cancellation {
 public:
  // The first reason is kept.
  void cancel(std::string why) {
    MutexLock lock(mutex_);
    if (!why_) why_ = std::move(why);
    changed_.notify_all();
  }

  Result<void> check() const {
    MutexLock lock(mutex_);
    return state();
  }

  // Waits for that long, or until it is cancelled.
  Result<void> wait(std::chrono::milliseconds delay) const {
    const auto deadline = std::chrono::steady_clock::now() + delay;
    MutexLock lock(mutex_);
    while (!why_ && std::chrono::steady_clock::now() < deadline) (void)changed_.wait_until(mutex_, deadline);
    return state();
  }

 private:
  Result<void> state() const REQUIRES(mutex_) {
    if (why_) return error(Code::Conflict, "given up: {}", *why_);
    return {};
  }

  mutable Mutex mutex_;  // guards what follows
  std::optional<std::string> why_ GUARDED_BY(mutex_);
  mutable CondVar changed_;
};

}  // namespace gantry::image
