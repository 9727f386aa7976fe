// SPDX-License-Identifier: Apache-2.0
#include "base/gate.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

namespace gantry {
namespace {

TEST(Gate, WhoComesLateDoesNotWait) {
  Gate gate;
  gate.open();
  gate.wait();
}

TEST(Gate, WhoWaitsSeesWhatWasDoneBefore) {
  constexpr int kThreads = 8;
  Gate gate;
  int written = 0;
  std::vector<int> seen(kThreads);
  std::vector<std::thread> threads;
  for (int& each : seen)
    threads.emplace_back([&] {
      gate.wait();
      each = written;
    });
  written = 7;
  gate.open();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(seen, std::vector<int>(kThreads, 7));
}

TEST(Gate, MayGoWhenItsOnlyGuestHasPassed) {
  for (int i = 0; i < 200; ++i) {
    auto gate = std::make_unique<Gate>();
    std::thread opener([&opened = *gate] { opened.open(); });
    gate->wait();
    gate.reset();
    opener.join();
  }
}

}  // namespace
}  // namespace gantry
