// SPDX-License-Identifier: Apache-2.0
#include "image/window_budget.h"

#include <utility>

namespace gantry::image {

// How much of a window that is in a file is written until its pages are let go of.
static constexpr std::uint64_t kMovedAtOnce = 1 << 20;  // bytes

Result<std::span<std::byte>> WindowBudget::Share::take(std::uint64_t bytes) {
  const bool is_too_large = bytes > budget_.bytes_;
  file_.reset();
  wait_for_room(is_too_large ? 0 : bytes);
  if (!is_too_large) return std::span<std::byte>();
  file_ = TRY(WindowFile::make(budget_.directory_, bytes));
  return file_->bytes();
}

void WindowBudget::Share::has_moved(std::uint64_t bytes) {
  if (!file_) return;
  moved_ += bytes;
  if (moved_ < kMovedAtOnce) return;
  moved_ = 0;
  file_->let_go();
}

void WindowBudget::Share::wait_for_room(std::uint64_t bytes) {
  MutexLock lock(budget_.mutex_);
  budget_.taken_ -= std::exchange(taken_, 0);
  budget_.changed_.notify_all();
  while (counts_ && budget_.taken_ + bytes > budget_.bytes_) budget_.changed_.wait(budget_.mutex_);
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
