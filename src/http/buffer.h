// SPDX-License-Identifier: Apache-2.0
//
// Bytes that were read from a connection and not used yet. Its memory grows on
// demand and is given back as soon as a connection waits for its next request.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

namespace gantry::http {

class Buffer {
 public:
  std::string_view view() const { return {data_.get() + begin_, end_ - begin_}; }
  bool empty() const { return begin_ == end_; }
  std::size_t size() const { return end_ - begin_; }
  void consume(std::size_t bytes) { begin_ += bytes; }

  // Room for at least `bytes` more; what arrived there is told to commit().
  std::span<std::byte> prepare(std::size_t bytes) {
    if (empty()) begin_ = end_ = 0;
    if (capacity_ - end_ < bytes) make_room(bytes);
    return std::as_writable_bytes(std::span(data_.get() + end_, capacity_ - end_));
  }
  void commit(std::size_t bytes) { end_ += bytes; }

  void free_if_empty() {
    if (!empty()) return;
    data_.reset();
    begin_ = end_ = capacity_ = 0;
  }

 private:
  void make_room(std::size_t bytes) {
    const std::size_t used = size();
    if (capacity_ - used >= bytes) {
      std::memmove(data_.get(), data_.get() + begin_, used);
    } else {
      capacity_ = std::max(used + bytes, 2 * capacity_);
      auto larger = std::make_unique_for_overwrite<char[]>(capacity_);
      if (used > 0) std::memcpy(larger.get(), data_.get() + begin_, used);
      data_ = std::move(larger);
    }
    begin_ = 0;
    end_ = used;
  }

  std::unique_ptr<char[]> data_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace gantry::http
