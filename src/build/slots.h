// SPDX-License-Identifier: Apache-2.0
//
// How many of something may be under way at once.
#pragma once

#include <utility>

#include "base/error.h"
#include "base/mutex.h"
#include "build/cancel.h"

namespace gantry::build {

class Slots {
 public:
  explicit Slots(unsigned count) : free_(count) {}

  // Given back when it goes away.
  class Slot {
   public:
    explicit Slot(Slots* slots) : slots_(slots) {}
    Slot(Slot&& other) noexcept : slots_(std::exchange(other.slots_, nullptr)) {}
    ~Slot() {
      if (slots_ != nullptr) slots_->give_back();
    }

   private:
    Slots* slots_;
  };

  // Waits for one that is free.
  Slot take() {
    MutexLock lock(mutex_);
    while (free_ == 0) changed_.wait(mutex_);
    --free_;
    return Slot(this);
  }

 private:
  void give_back() {
    MutexLock lock(mutex_);
    ++free_;
    changed_.notify_one();
  }

  Mutex mutex_;  // guards what follows
  unsigned free_ GUARDED_BY(mutex_);
  CondVar changed_;
};

}  // namespace gantry::build
