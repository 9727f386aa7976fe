// SPDX-License-Identifier: Apache-2.0
#include "base/group_work.h"

#include <gtest/gtest.h>

#include <latch>
#include <thread>

namespace gantry {
namespace {

struct Request {
  int number = 0;
  int answer = 0;
};

TEST(GroupWork, WhoIsAloneDoesHisOwn) {
  GroupWork<Request> group;
  Request request{.number = 7};
  group.run(request, [](std::span<Request* const> all) {
    ASSERT_EQ(all.size(), 1U);
    all[0]->answer = all[0]->number;
  });
  EXPECT_EQ(request.answer, 7);
}

TEST(GroupWork, WhoComesMeanwhileIsServedAtOnce) {
  GroupWork<Request> group;
  constexpr int kLater = 5;
  std::latch is_at_work(1);
  std::vector<std::size_t> sizes;  // of one who is at work at a time
  const auto work = [&](std::span<Request* const> all) {
    sizes.push_back(all.size());
    if (sizes.size() == 1) {
      is_at_work.count_down();
      while (group.waiting() < kLater) std::this_thread::yield();
    }
    for (Request* request : all) request->answer = 2 * request->number;
  };
  std::vector<Request> requests(kLater + 1);
  std::vector<std::thread> threads;
  for (int i = 0; i <= kLater; ++i) {
    requests[static_cast<std::size_t>(i)].number = i + 1;
    threads.emplace_back([&, i] {
      if (i > 0) is_at_work.wait();
      group.run(requests[static_cast<std::size_t>(i)], work);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Request& request : requests) EXPECT_EQ(request.answer, 2 * request.number);
  EXPECT_EQ(sizes, (std::vector<std::size_t>{1, kLater}));
}

TEST(GroupWork, EveryoneIsServedOnceAndOneIsAtWorkAtATime) {
  GroupWork<Request> group;
  int total = 0;  // no lock: the group is one
  const auto work = [&](std::span<Request* const> all) {
    for (Request* request : all) {
      ++total;
      ++request->answer;
    }
  };
  std::vector<std::thread> threads;
  constexpr int kThreads = 8, kRounds = 500;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&] {
      for (int round = 0; round < kRounds; ++round) {
        Request request;
        group.run(request, work);
        ASSERT_EQ(request.answer, 1);
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(total, kThreads * kRounds);
}

TEST(GroupWork, NothingElseRunsBesideTheWork) {
  GroupWork<Request> group;
  bool has_run = false;
  group.run_if_idle([&] { has_run = true; });
  EXPECT_TRUE(has_run);
  Request request;
  group.run(request, [&](std::span<Request* const>) { group.run_if_idle([&] { has_run = false; }); });
  EXPECT_TRUE(has_run);
}

}  // namespace
}  // namespace gantry
