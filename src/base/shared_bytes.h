// SPDX-License-Identifier: Apache-2.0
//
// Bytes that never change and have many owners: one allocation, a pointer to hold them. Copies and
// destruction are for any thread.
//
//   SharedBytes value("{}");
//   use(value.view());
#pragma once

#include <atomic>
#include <cstddef>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

namespace gantry {

class SharedBytes {
 public:
  SharedBytes() = default;
  explicit SharedBytes(std::string_view bytes) : block_(bytes.empty() ? nullptr : Block::make(bytes)) {}
  SharedBytes(const SharedBytes& other) : block_(other.block_) {
    if (block_ != nullptr) block_->owners.fetch_add(1, std::memory_order_relaxed);
  }
  SharedBytes(SharedBytes&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  SharedBytes& operator=(SharedBytes other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~SharedBytes() {
    if (block_ != nullptr && block_->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) Block::free(block_);
  }

  // Lives as long as any owner.
  std::string_view view() const { return block_ == nullptr ? std::string_view() : block_->view(); }
  std::size_t size() const { return block_ == nullptr ? 0 : block_->size; }
  bool empty() const { return block_ == nullptr; }

  friend bool operator==(const SharedBytes& a, const SharedBytes& b) { return a.view() == b.view(); }

 private:
  struct Block {
    std::atomic<std::size_t> owners;
    std::size_t size;

    char* data() { return reinterpret_cast<char*>(this + 1); }
    std::string_view view() { return {data(), size}; }

    static Block* make(std::string_view bytes) {
      auto* block = new (::operator new(sizeof(Block) + bytes.size())) Block{1, bytes.size()};
      std::memcpy(block->data(), bytes.data(), bytes.size());
      return block;
    }
    static void free(Block* block) {
      block->~Block();
      ::operator delete(block);
    }
  };

  Block* block_ = nullptr;  // null: no bytes
};

}  // namespace gantry
