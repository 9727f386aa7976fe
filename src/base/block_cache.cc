// SPDX-License-Identifier: Apache-2.0
#include "base/block_cache.h"

#include <malloc.h>

#include <cstdlib>
#include <new>

namespace gantry {
namespace {

// glibc's malloc(3) gives room for 24 bytes, 40, 56 ...; of another's the classes fit less well, and no less
// right.
constexpr std::size_t kLeast = 24;
constexpr std::size_t kStep = 16;
constexpr std::size_t kClasses = 32;    // up to 520 bytes
constexpr std::size_t kKept = 2 << 10;  // bytes of each class

constexpr std::size_t size_of_class(std::size_t number) { return kLeast + kStep * number; }

// The least with room for it.
constexpr std::size_t class_for(std::size_t size) {
  return size <= kLeast ? 0 : (size - kLeast + kStep - 1) / kStep;
}

// Of one thread. The language neither constructs nor destroys it: what is freed when the thread's other
// objects end comes here, too.
class BlockCache {
 public:
  void begin();
  // Null: there is none.
  void* take(std::size_t number) {
    Block* const block = first_[number];
    if (block == nullptr) return nullptr;
    first_[number] = block->next;
    left_[number] += size_of_class(number);
    return block;
  }
  // False: there are enough.
  bool keep(void* block, std::size_t number) {
    if (left_[number] < size_of_class(number)) return false;
    left_[number] -= size_of_class(number);
    first_[number] = ::new (block) Block{first_[number]};
    return true;
  }

 private:
  struct Block {
    Block* next;
  };
  struct End;
  void end();

  Block* first_[kClasses];
  std::size_t left_[kClasses];  // bytes that may be kept; none before begin() and after end()
  bool has_begun_;
};

constinit thread_local BlockCache cache{};

struct BlockCache::End {
  ~End() { cache.end(); }
};

void BlockCache::begin() {
  if (has_begun_) return;
  has_begun_ = true;
  for (std::size_t& left : left_) left = kKept;
  static thread_local End at_end_of_thread;
  (void)&at_end_of_thread;
}

void BlockCache::end() {
  for (std::size_t number = 0; number < kClasses; ++number) {
    while (void* const block = take(number)) std::free(block);
    left_[number] = 0;
  }
}

}  // namespace

void keep_freed_blocks() { cache.begin(); }

void* allocate_block(std::size_t size) {
  const std::size_t number = class_for(size);
  if (number >= kClasses) return std::malloc(size);
  if (void* const block = cache.take(number)) return block;
  return std::malloc(size_of_class(number));
}

void release_block(void* block) {
  // The class that this has room for.
  const std::size_t size = ::malloc_usable_size(block);
  if (size >= kLeast)
    if (const std::size_t number = (size - kLeast) / kStep; number < kClasses && cache.keep(block, number))
      return;
  std::free(block);
}

}  // namespace gantry
