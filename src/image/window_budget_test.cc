// SPDX-License-Identifier: Apache-2.0
#include "image/window_budget.h"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

namespace gantry::image {
namespace {

TEST(WindowBudget, what_fits_and_what_is_alone_does_not_wait) {
  WindowBudget budget(24);
  WindowBudget::Share first(budget), second(budget), third(budget);
  first.take(8);
  second.take(8);
  third.take(8);
  third.take(4);
  WindowBudget small(8);
  WindowBudget::Share alone(small);
  alone.take(128);
}

TEST(WindowBudget, together_they_take_no_more) {
  WindowBudget budget(24);
  std::atomic<int> taken = 0, most = 0;
  const auto layer = [&](int bytes) {
    WindowBudget::Share share(budget);
    share.take(static_cast<std::uint64_t>(bytes));
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
  WindowBudget budget(24);
  std::optional<WindowBudget::Share> large;
  large.emplace(budget);
  large->take(100);
  std::atomic<bool> has_room = false;
  std::thread other([&] {
    WindowBudget::Share share(budget);
    share.take(8);
    has_room = true;
  });
  EXPECT_FALSE(has_room);
  large->stop_counting();
  other.join();
  EXPECT_TRUE(has_room);
  large->take(100);  // at once, too
}

}  // namespace
}  // namespace gantry::image
