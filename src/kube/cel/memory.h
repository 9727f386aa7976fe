// SPDX-License-Identifier: Apache-2.0
//
// Where an evaluation puts what it computes: taken piece by piece, given back at once. Nothing in it is
// destroyed, so only what needs no destructor goes there. A small rule needs no memory of the heap.
#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace gantry::kube::cel {

class Memory {
 public:
  // What expressions may make of hostile input is bounded: room() says what is left of `limit` bytes.
  explicit Memory(std::size_t limit = 32 << 20) : limit_(limit) {}
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  // Who makes something large asks first; small things are always given.
  bool has_room(std::size_t bytes) const { return used_ <= limit_ && bytes <= limit_ - used_; }

  void* allocate(std::size_t bytes) {
    bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    if (bytes > left_) grow(bytes);
    std::byte* const at = next_;
    next_ += bytes;
    left_ -= bytes;
    used_ += bytes;
    return at;
  }

  template <class T>
  std::span<T> array(std::size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    T* const first = static_cast<T*>(allocate(count * sizeof(T)));
    std::uninitialized_default_construct_n(first, count);
    return {first, count};
  }

  template <class T>
  const T* make(T value) {
    static_assert(std::is_trivially_destructible_v<T>);
    return new (allocate(sizeof(T))) T(value);
  }

  std::string_view copy(std::string_view text) {
    if (text.empty()) return {};
    char* const to = static_cast<char*>(allocate(text.size()));
    std::memcpy(to, text.data(), text.size());
    return {to, text.size()};
  }

 private:
  static constexpr std::size_t kAlignment = alignof(std::max_align_t);
  static constexpr std::size_t kBlock = 64 << 10;

  void grow(std::size_t bytes) {
    const std::size_t size = bytes > kBlock ? bytes : kBlock;
    blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(size));
    next_ = blocks_.back().get();
    left_ = size;
  }

  alignas(std::max_align_t) std::array<std::byte, 2048> first_;
  std::byte* next_ = first_.data();
  std::size_t left_ = sizeof first_;
  std::size_t used_ = 0;
  std::size_t limit_;
  std::vector<std::unique_ptr<std::byte[]>> blocks_;
};

}  // namespace gantry::kube::cel
