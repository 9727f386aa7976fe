// SPDX-License-Identifier: Apache-2.0
#include "base/heap.h"

#include <malloc.h>

namespace gantry {

// With two, threads that make and drop thousands of small things each wait for each other once a request.
static constexpr int kArenas = 8;

void keep_heap_small() {
  // Fails only for values that are out of range.
  (void)::mallopt(M_ARENA_MAX, kArenas);
  // Set, so that it stays: else it follows the largest buffer that was ever freed (mallopt(3)).
  (void)::mallopt(M_MMAP_THRESHOLD, 128 << 10);
}

void trim_heap() { (void)::malloc_trim(0); }

}  // namespace gantry
