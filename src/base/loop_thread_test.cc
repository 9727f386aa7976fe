// SPDX-License-Identifier: Apache-2.0
#include "base/loop_thread.h"

#include <gtest/gtest.h>

#include <latch>
#include <thread>
#include <vector>

#include "testing/must.h"

namespace gantry {
namespace {

using namespace std::chrono_literals;

TEST(LoopThread, runs_what_is_posted_in_order_on_its_own_thread) {
  auto loop = MUST(LoopThread::start("test"));
  std::vector<int> order;
  for (int i = 0; i < 3; ++i) loop->post([&order, i] { order.push_back(i); });
  EXPECT_TRUE(loop->call([&] { return loop->is_current(); }));
  EXPECT_FALSE(loop->is_current());
  EXPECT_EQ(order, (std::vector{0, 1, 2}));
}

TEST(LoopThread, answers_a_call_from_any_thread_and_from_itself) {
  auto loop = MUST(LoopThread::start("test"));
  int sum = 0;  // of the loop
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < 4; ++i)
      callers.emplace_back([&] {
        for (int n = 0; n < 100; ++n) loop->call([&] { ++sum; });
      });
  }
  EXPECT_EQ(loop->call([&] { return loop->call([&] { return sum; }); }), 400);
}

TEST(LoopThread, carries_an_error_to_the_caller) {
  auto loop = MUST(LoopThread::start("test"));
  const auto failed = loop->call([]() -> Result<int> { return error(Code::NotFound, "nothing there"); });
  EXPECT_EQ(failed.error().message(), "nothing there");
}

TEST(LoopThread, runs_timers) {
  auto loop = MUST(LoopThread::start("test"));
  struct Waiting {
    explicit Waiting(EventLoop& event_loop) : timer(event_loop, Callback::to<&Waiting::ring>(*this)) {}
    void ring() { rang.count_down(); }
    std::latch rang{1};
    Timer timer;
  } waiting(loop->loop());
  loop->post([&] { waiting.timer.start(1ms); });
  waiting.rang.wait();
}

TEST(LoopThread, finishes_what_was_posted_before_it_ends) {
  int ran = 0;
  {
    auto loop = MUST(LoopThread::start("test"));
    for (int i = 0; i < 100; ++i) loop->post([&] { ++ran; });
  }
  EXPECT_EQ(ran, 100);
}

}  // namespace
}  // namespace gantry
