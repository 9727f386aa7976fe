// SPDX-License-Identifier: Apache-2.0
#include "image/window_budget.h"

#include <utility>

namespace gantry::image {

void WindowBudget::Share::take(std::uint64_t bytes) {
  MutexLock lock(budget_.mutex_);
  budget_.taken_ -= std::exchange(taken_, 0);
  budget_.changed_.notify_all();
  while (counts_ && budget_.taken_ > 0 && budget_.taken_ + bytes > budget_.bytes_)
    budget_.changed_.wait(budget_.mutex_);
  if (!counts_) return;
  taken_ = bytes;
  budget_.taken_ += bytes;
}

void WindowBudget::Share::stop_counting() {
  MutexLock lock(budget_.mutex_);
  counts_ = false;
  budget_.taken_ -= std::exchange(taken_, 0);
  budget_.changed_.notify_all();
}

}  // namespace gantry::image
