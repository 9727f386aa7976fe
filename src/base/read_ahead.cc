// SPDX-License-Identifier: Apache-2.0
#include "base/read_ahead.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace gantry {

ReadAhead::ReadAhead(ByteSource& source, std::size_t buffers, std::size_t buffer_size) : source_(source) {
  for (std::size_t i = 0; i < buffers; ++i) empty_.push_back({std::vector<std::byte>(buffer_size)});
  thread_ = std::thread([this] { run(); });
}

ReadAhead::~ReadAhead() {
  {
    MutexLock lock(mutex_);
    is_stopping_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void ReadAhead::run() {
  for (;;) {
    Buffer buffer;
    {
      MutexLock lock(mutex_);
      while (empty_.empty() && !is_stopping_) changed_.wait(mutex_);
      if (is_stopping_) return;
      buffer = std::move(empty_.front());
      empty_.pop_front();
    }
    // What arrives slowly is handed on as it arrives; what is at hand fills the buffer first, by the source.
    Result<std::size_t> size = source_.read(buffer.bytes);
    MutexLock lock(mutex_);
    is_finished_ = !size || *size == 0;
    if (!is_finished_) {
      buffer.size = *size;
      full_.push_back(std::move(buffer));
    } else if (!size) {
      error_ = std::move(size).error();
    }
    changed_.notify_all();
    if (is_finished_) return;
  }
}

Result<std::size_t> ReadAhead::read(std::span<std::byte> into) {
  if (is_at_end_) return std::size_t{0};
  if (taken_ == current_.size) {
    MutexLock lock(mutex_);
    if (!current_.bytes.empty()) {
      empty_.push_back(std::exchange(current_, {}));
      changed_.notify_all();
    }
    taken_ = 0;
    while (full_.empty() && !is_finished_) changed_.wait(mutex_);
    if (full_.empty()) {
      is_at_end_ = true;
      if (error_) return std::move(*error_);
      return std::size_t{0};
    }
    current_ = std::move(full_.front());
    full_.pop_front();
  }
  const std::size_t size = std::min(into.size(), current_.size - taken_);
  std::memcpy(into.data(), current_.bytes.data() + taken_, size);
  taken_ += size;
  return size;
}

}  // namespace gantry
