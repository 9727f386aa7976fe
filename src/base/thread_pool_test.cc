// SPDX-License-Identifier: Apache-2.0
#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "testing/must.h"

namespace gantry {
namespace {

using namespace std::chrono_literals;

// Opens once, for everybody.
class Gate {
 public:
  void open() {
    MutexLock lock(mutex_);
    is_open_ = true;
    changed_.notify_all();
  }
  void wait() {
    MutexLock lock(mutex_);
    while (!is_open_) changed_.wait(mutex_);
  }

 private:
  Mutex mutex_;
  bool is_open_ GUARDED_BY(mutex_) = false;
  CondVar changed_;
};

TEST(ThreadPool, RunsEverythingItHasTakenBeforeItGoes) {
  std::atomic<int> ran = 0;
  {
    ThreadPool pool({.max_threads = 3});
    for (int i = 0; i < 1000; ++i) MUST(pool.run([&] { ++ran; }));
    EXPECT_LE(pool.threads(), 3U);
  }
  EXPECT_EQ(ran, 1000);
}

TEST(ThreadPool, HasNoThreadBeforeThereIsWorkAndNoneAfterIt) {
  ThreadPool pool({.idle = 1ms});
  EXPECT_EQ(pool.threads(), 0U);
  Gate gate;
  MUST(pool.run([&] { gate.wait(); }));
  EXPECT_EQ(pool.threads(), 1U);
  gate.open();
  while (pool.threads() > 0) std::this_thread::yield();
}

TEST(ThreadPool, ThreadsWithoutWorkEndTogether) {
  ThreadPool pool({.max_threads = 20, .idle = 200ms});
  Gate gate;
  for (int i = 0; i < 20; ++i) MUST(pool.run([&] { gate.wait(); }));
  gate.open();
  const auto begin = std::chrono::steady_clock::now();
  while (pool.threads() > 0) std::this_thread::sleep_for(1ms);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 3s);  // one after the other, it would be four
}

TEST(ThreadPool, SaysWhenItComesToRestAndGoesOnAfterThat) {
  std::atomic<int> rests = 0;
  ThreadPool pool({.max_threads = 4, .idle = 1ms, .on_rest = [&] { ++rests; }});
  for (int round = 1; round <= 3; ++round) {
    for (int i = 0; i < 8; ++i) MUST(pool.run([] {}));
    while (pool.threads() > 0 || rests < round) std::this_thread::yield();
  }
}

TEST(ThreadPool, AnIdleThreadIsUsedBeforeAnotherIsStarted) {
  constexpr std::size_t kMost = 32;
  ThreadPool pool({.max_threads = kMost});
  // Now and then a task comes before the thread of the last is idle again, and has a new one. Not ten times.
  for (std::size_t steady = 0, threads = 0; steady < 10 && threads < kMost;) {
    TaskGroup group(pool);
    MUST(group.run([]() -> Result<void> { return {}; }));
    MUST(group.wait());
    std::this_thread::sleep_for(1ms);
    steady = pool.threads() == threads ? steady + 1 : 0;
    threads = pool.threads();
  }
  EXPECT_LT(pool.threads(), kMost);
}

TEST(ThreadPool, MoreThanMayWaitIsRefused) {
  Gate gate;
  ThreadPool pool({.max_threads = 1, .max_waiting = 2});
  std::atomic<bool> has_begun = false;
  MUST(pool.run([&] {
    has_begun = true;
    gate.wait();
  }));
  while (!has_begun) std::this_thread::yield();
  EXPECT_FALSE(pool.has_waiting());
  MUST(pool.run([] {}));
  MUST(pool.run([] {}));
  EXPECT_TRUE(pool.has_waiting());
  const auto refused = pool.run([] {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::ResourceExhausted);
  gate.open();
}

TEST(TaskGroup, WaitAnswersTheFirstErrorAndLeavesOutWhatHasNotBegun) {
  ThreadPool pool({.max_threads = 1});
  TaskGroup group(pool);
  std::atomic<int> ran = 0;
  Gate gate;
  MUST(group.run([&]() -> Result<void> {
    gate.wait();
    return error(Code::NotFound, "the first");
  }));
  for (int i = 0; i < 5; ++i)
    MUST(group.run([&]() -> Result<void> {
      ++ran;
      return error(Code::Internal, "another");
    }));
  gate.open();
  const auto failed = group.wait();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message(), "the first");
  EXPECT_EQ(ran, 0);
  MUST(group.wait());  // once
}

TEST(TaskGroup, AJobsHoldingsAreGoneWhenWaitReturns) {
  ThreadPool pool({});
  TaskGroup group(pool);
  auto shared = std::make_shared<int>(1);
  MUST(group.run([shared]() -> Result<void> { return {}; }));
  MUST(group.wait());
  EXPECT_EQ(shared.use_count(), 1);
}

}  // namespace
}  // namespace gantry
