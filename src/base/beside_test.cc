// SPDX-License-Identifier: Apache-2.0
#include "base/beside.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>

namespace gantry {
namespace {

TEST(Beside, IsDoneOnAnotherThreadMeanwhile) {
  ThreadPool pool({.max_threads = 1});
  std::latch begun(1);
  std::thread::id who;
  {
    const Beside work(pool, [&] {
      who = std::this_thread::get_id();
      begun.count_down();
    });
    begun.wait();  // for ever, if it were only done at the end
  }
  EXPECT_NE(who, std::this_thread::get_id());
}

TEST(Beside, IsDoneByItsOwnerWhenNoThreadIsFree) {
  ThreadPool pool({.max_threads = 1});
  std::latch end(1);
  ASSERT_TRUE(pool.run([&] { end.wait(); }));
  std::thread::id who;
  {
    const Beside work(pool, [&] { who = std::this_thread::get_id(); });
  }
  EXPECT_EQ(who, std::this_thread::get_id());
  end.count_down();
}

TEST(Beside, IsDoneOnceHoweverTheTwoMeet) {
  ThreadPool pool({.max_threads = 2});
  std::atomic<int> done = 0;
  for (int i = 0; i < 2000; ++i) {
    const Beside work(pool, [&] { ++done; });
    if (i % 3 == 0) std::this_thread::yield();
  }
  EXPECT_EQ(done, 2000);
}

}  // namespace
}  // namespace gantry
