// SPDX-License-Identifier: Apache-2.0
//
// A big buffer that costs nothing at rest: pages appear when they are touched
// and go back to the kernel with release(), after which they read as zero.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <utility>

#include "base/error.h"

namespace gantry::shim {

class ScratchMemory {
 public:
  static Result<ScratchMemory> make(std::size_t bytes) {
    void* memory =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return sys_error("map {} bytes", bytes);
    // One touched byte must not cost a huge page. Fails only on kernels that have none.
    (void)::madvise(memory, bytes, MADV_NOHUGEPAGE);
    return ScratchMemory(static_cast<char*>(memory), bytes);
  }
  ScratchMemory(ScratchMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  ScratchMemory& operator=(ScratchMemory&&) = delete;
  ~ScratchMemory() {
    if (data_ != nullptr) (void)::munmap(data_, size_);
  }

  char* data() const { return data_; }
  std::size_t size() const { return size_; }
  void release() { (void)::madvise(data_, size_, MADV_DONTNEED); }

 private:
  ScratchMemory(char* data, std::size_t size) : data_(data), size_(size) {}
  char* data_;
  std::size_t size_;
};

}  // namespace gantry::shim
