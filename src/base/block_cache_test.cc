// SPDX-License-Identifier: Apache-2.0
#include "base/block_cache.h"

#include <malloc.h>

#include <cstdlib>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace gantry {
namespace {

constexpr std::size_t kSizes[] = {0, 1, 24, 25, 40, 41, 511, 520, 521, 5000};

TEST(BlockCache, a_block_has_room_for_what_was_asked_for) {
  keep_freed_blocks();
  for (int round = 0; round < 3; ++round)
    for (const std::size_t size : kSizes) {
      void* const block = allocate_block(size);
      ASSERT_NE(block, nullptr);
      EXPECT_GE(::malloc_usable_size(block), size);
      std::memset(block, 0xff, size);
      release_block(block);
    }
}

TEST(BlockCache, what_was_released_is_given_out_again) {
  keep_freed_blocks();
  void* const block = allocate_block(100);
  release_block(block);
  void* const again = allocate_block(90);
  EXPECT_EQ(again, block);
  release_block(again);
}

TEST(BlockCache, no_block_is_given_out_twice) {
  keep_freed_blocks();
  for (int round = 0; round < 2; ++round) {
    std::set<void*> blocks;
    for (int i = 0; i < 1000; ++i) EXPECT_TRUE(blocks.insert(allocate_block(64)).second);
    for (void* const block : blocks) release_block(block);
  }
}

TEST(BlockCache, takes_blocks_of_malloc_and_gives_blocks_to_free) {
  keep_freed_blocks();
  void* const block = std::malloc(200);
  release_block(block);
  std::free(allocate_block(200));
  release_block(nullptr);
}

// The leak sanitizer says whether a thread that has ended has kept something.
TEST(BlockCache, blocks_go_from_thread_to_thread) {
  std::vector<void*> blocks;
  std::thread([&] {
    for (int i = 0; i < 100; ++i) blocks.push_back(allocate_block(300));
  }).join();
  std::thread([&] {
    keep_freed_blocks();
    for (void* const block : blocks) release_block(block);
  }).join();
}

struct FreedLate {
  void* block = nullptr;
  ~FreedLate() { release_block(block); }
};

TEST(BlockCache, a_thread_may_release_in_the_end_of_its_own_objects) {
  std::thread([] {
    static thread_local FreedLate late;  // made before the cache begins, so it ends after
    late.block = allocate_block(50);
    keep_freed_blocks();
    release_block(allocate_block(50));
  }).join();
}

}  // namespace
}  // namespace gantry
