// SPDX-License-Identifier: Apache-2.0
#include "base/read_ahead.h"

#include <algorithm>
#include <utility>

namespace gantry {

ReadAhead::ReadAhead(ByteSource& source, std::size_t buffers, std::size_t buffer_size)
    : source_(source), buffer_size_(buffer_size), wake_at_(std::max<std::size_t>(buffers / 2, 1)) {
  for (std::size_t i = 0; i < buffers; ++i)
    empty_.push_back({std::make_unique_for_overwrite<std::byte[]>(buffer_size)});
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
      buffer = std::move(empty_.back());
      empty_.pop_back();
    }
    // What arrives slowly is handed on as it arrives; what is at hand fills the buffer first, by the source.
    Result<std::size_t> size = source_.read({buffer.bytes.get(), buffer_size_});
    const bool is_finished = !size || *size == 0;
    {
      MutexLock lock(mutex_);
      is_finished_ = is_finished;
      if (!is_finished) {
        buffer.size = *size;
        full_.push_back(std::move(buffer));
      } else if (!size) {
        error_ = std::move(size).error();
      }
    }
    changed_.notify_one();  // without the lock, which the other side wants next
    if (is_finished) return;
  }
}

Result<std::span<const std::byte>> ReadAhead::rest_of_buffer() {
  if (taken_ == current_.size && !is_at_end_) {
    MutexLock lock(mutex_);
    if (current_.bytes) {
      empty_.push_back(std::exchange(current_, {}));
      // Not for every buffer: whoever is woken for two goes on for longer. The others are on their way here.
      if (empty_.size() >= wake_at_) changed_.notify_one();
    }
    taken_ = 0;
    while (full_.empty() && !is_finished_) changed_.wait(mutex_);
    if (!full_.empty()) {
      current_ = std::move(full_.front());
      full_.pop_front();
    } else {
      is_at_end_ = true;
      if (error_) return std::move(*error_);
    }
  }
  return std::span<const std::byte>(current_.bytes.get() + taken_, current_.size - taken_);
}

Result<std::size_t> ReadAhead::read(std::span<std::byte> into) {
  const std::span<const std::byte> rest = TRY(rest_of_buffer());
  const std::size_t size = std::min(into.size(), rest.size());
  std::ranges::copy(rest.first(size), into.begin());
  taken_ += size;
  return size;
}

Result<std::span<const std::byte>> ReadAhead::next_piece() {
  const std::span<const std::byte> rest = TRY(rest_of_buffer());
  taken_ += rest.size();
  return rest;
}

}  // namespace gantry
