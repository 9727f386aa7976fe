// SPDX-License-Identifier: Apache-2.0
#include "base/inbox.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "testing/must.h"

namespace gantry {
namespace {

TEST(Inbox, RunsTasksOfOtherThreadsOnTheLoopInTheirOrder) {
  EventLoop loop = MUST(EventLoop::make());
  Inbox inbox(loop);
  MUST(inbox.open());
  std::vector<int> seen;
  std::thread other([&] {
    for (int i = 0; i < 1000; ++i) inbox.post([&seen, i] { seen.push_back(i); });
  });
  while (seen.size() < 1000) MUST(loop.run_once());
  other.join();
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(seen[static_cast<std::size_t>(i)], i);
}

TEST(Inbox, ATaskMayPostAnother) {
  EventLoop loop = MUST(EventLoop::make());
  Inbox inbox(loop);
  MUST(inbox.open());
  bool done = false;
  inbox.post([&] { inbox.post([&] { done = true; }); });
  MUST(loop.run_once());
  EXPECT_FALSE(done);  // not inside of post()
  MUST(loop.run_once());
  EXPECT_TRUE(done);
}

}  // namespace
}  // namespace gantry
