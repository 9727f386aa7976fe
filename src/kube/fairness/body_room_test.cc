// SPDX-License-Identifier: Apache-2.0
#include "kube/fairness/body_room.h"

#include <gtest/gtest.h>

#include <vector>

namespace gantry::kube {
namespace {

// As many places as the user gets.
std::vector<BodyRoom::Place> fill(BodyRoom& room, std::string_view user) {
  std::vector<BodyRoom::Place> places;
  while (auto place = room.enter(user)) places.push_back(*std::move(place));
  return places;
}

TEST(BodyRoom, LeavesRoomForOthersWhateverOneTakes) {
  BodyRoom room({.bodies = 60});
  const auto alices = fill(room, "alice");
  EXPECT_EQ(alices.size(), 30u);
  const auto bobs = fill(room, "bob");
  EXPECT_EQ(bobs.size(), 15u);
  EXPECT_TRUE(room.enter("carol"));
  EXPECT_EQ(room.coming(), 45u);
}

TEST(BodyRoom, SaysWhenToComeAgain) {
  BodyRoom room({.bodies = 2});
  const auto taken = fill(room, "alice");
  const auto refused = room.enter("alice");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error()->code, 429);
  EXPECT_GT(refused.error()->retry_after_seconds, 0);
}

TEST(BodyRoom, WhatHasArrivedIsNoLongerComing) {
  BodyRoom room({.bodies = 2});
  auto first = room.enter("alice");
  ASSERT_TRUE(first);
  EXPECT_FALSE(room.enter("alice"));
  first->arrive();
  EXPECT_TRUE(room.enter("alice"));
  EXPECT_EQ(room.coming(), 0u);
}

TEST(BodyRoom, BytesAreHeldUntilTheRequestIsDone) {
  BodyRoom room({.bodies = 10, .bytes = 100});
  {
    auto place = room.enter("alice");
    EXPECT_TRUE(place->add(50));
    EXPECT_FALSE(place->add(1));
    place->arrive();
    EXPECT_FALSE(room.enter("alice")->add(1));
    EXPECT_TRUE(room.enter("bob")->add(25));
  }
  EXPECT_TRUE(room.enter("alice")->add(50));
}

TEST(BodyRoom, IsEmptyWhenAllHaveGone) {
  BodyRoom room({.bodies = 10});
  for (int turn = 0; turn < 3; ++turn) EXPECT_EQ(fill(room, "alice").size(), 5u);
  EXPECT_EQ(room.coming(), 0u);
}

}  // namespace
}  // namespace gantry::kube
