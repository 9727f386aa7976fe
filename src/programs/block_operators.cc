// SPDX-License-Identifier: Apache-2.0
//
// operator new and delete of the program, by base/block_cache.h. Those of arrays call these; what is aligned
// by more than malloc(3) does stays as it is.
#include <new>

#include "base/block_cache.h"

void* operator new(std::size_t size) {
  if (void* const block = gantry::allocate_block(size)) return block;
  throw std::bad_alloc();  // some libraries catch it
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return gantry::allocate_block(size); }
void operator delete(void* block) noexcept { gantry::release_block(block); }
void operator delete(void* block, std::size_t) noexcept { gantry::release_block(block); }
void operator delete(void* block, const std::nothrow_t&) noexcept { gantry::release_block(block); }
