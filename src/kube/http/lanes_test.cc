// SPDX-License-Identifier: Apache-2.0
#include "kube/http/lanes.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::kube {
namespace {

// Counts up, and lets threads wait for a count.
class Counter {
 public:
  void add() {
    const MutexLock lock(mutex_);
    ++count_;
    changed_.notify_all();
  }
  void wait_for(int count) {
    const MutexLock lock(mutex_);
    while (count_ < count) changed_.wait(mutex_);
  }
  int count() {
    const MutexLock lock(mutex_);
    return count_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  int count_ = 0;
};

TEST(Lanes, WhoWaitsLongKeepsNobodyElseFromHisWork) {
  Counter begun, goes_on, slow_done, quick_done;
  Lanes lanes({.name = "test", .max_threads = 3}, 2);
  const auto slow = lanes.of("slow");
  for (int i = 0; i < 5; ++i)
    MUST(slow->run([&] {
      begun.add();
      goes_on.wait_for(1);
      slow_done.add();
    }));
  begun.wait_for(2);
  for (int i = 0; i < 5; ++i) MUST(lanes.of("quick")->run([&] { quick_done.add(); }));
  quick_done.wait_for(5);
  EXPECT_EQ(begun.count(), 2);
  goes_on.add();
  slow_done.wait_for(5);
}

TEST(Lanes, TooManyThatWaitAreRefused) {
  Counter begun, goes_on;
  Lanes lanes({.name = "test", .max_threads = 1, .max_waiting = 2}, 1);
  const auto lane = lanes.of("one");
  const auto wait = [&] {
    begun.add();
    goes_on.wait_for(1);
  };
  MUST(lane->run(wait));
  begun.wait_for(1);
  MUST(lane->run([] {}));
  MUST(lane->run([] {}));
  EXPECT_FALSE(lane->run([] {}));
  goes_on.add();
}

TEST(Lanes, TheSameKeyIsTheSameLane) {
  Lanes lanes({.name = "test"}, 1);
  const auto one = lanes.of("a");
  EXPECT_EQ(one, lanes.of("a"));
  EXPECT_NE(one, lanes.of("b"));
}

}  // namespace
}  // namespace gantry::kube
