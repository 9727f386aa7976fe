// SPDX-License-Identifier: Apache-2.0
#include "image/window_budget.h"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::image {
namespace {

TEST(WindowBudget, what_fits_does_not_wait_and_is_on_the_heap) {
  WindowBudget budget(24, "/nonexistent");
  WindowBudget::Share first(budget), second(budget), third(budget);
  EXPECT_TRUE(MUST(first.take(8)).empty());
  EXPECT_TRUE(MUST(second.take(8)).empty());
  EXPECT_TRUE(MUST(third.take(8)).empty());
  EXPECT_TRUE(MUST(third.take(4)).empty());
}

TEST(WindowBudget, what_never_fits_is_in_a_file_and_waits_for_nobody) {
  const testing::TempDir dir;
  WindowBudget budget(24, dir.path());
  WindowBudget::Share small(budget), large(budget);
  MUST(small.take(24));
  const std::span<std::byte> bytes = MUST(large.take(3 << 20));
  ASSERT_EQ(bytes.size(), 3U << 20);
  bytes[2 << 20] = std::byte{7};
  large.has_moved(2 << 20);
  EXPECT_EQ(bytes[2 << 20], std::byte{7});
  WindowBudget nowhere(24, "/nonexistent");
  WindowBudget::Share lost(nowhere);
  EXPECT_EQ(lost.take(25).error().code(), Code::NotFound);
}

TEST(WindowBudget, together_they_take_no_more) {
  WindowBudget budget(24, "/nonexistent");
  std::atomic<int> taken = 0, most = 0;
  const auto layer = [&](int bytes) {
    WindowBudget::Share share(budget);
    MUST(share.take(static_cast<std::uint64_t>(bytes)));
    const int now = taken += bytes;
    for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
    }
    std::this_thread::yield();
    taken -= bytes;
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      for (int round = 0; round < 50; ++round) layer(8);
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(most, 24);
}

TEST(WindowBudget, who_waits_for_others_holds_up_nobody) {
  WindowBudget budget(24, "/nonexistent");
  std::optional<WindowBudget::Share> large;
  large.emplace(budget);
  MUST(large->take(24));
  std::atomic<bool> has_room = false;
  std::thread other([&] {
    WindowBudget::Share share(budget);
    MUST(share.take(8));
    has_room = true;
  });
  EXPECT_FALSE(has_room);
  large->stop_counting();
  other.join();
  EXPECT_TRUE(has_room);
  MUST(large->take(24));  // at once, too
}

}  // namespace
}  // namespace gantry::image
