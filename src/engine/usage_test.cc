// SPDX-License-Identifier: Apache-2.0
#include "engine/usage.h"

#include <gtest/gtest.h>

#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::engine {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

struct Usage : ::testing::Test {
  testing::TempDir root;
  std::unique_ptr<UsageLog> log;
  Usage() { log = MUST(UsageLog::open(root.path())); }

  void begin(const std::string& container, std::int64_t second, const std::string& user = "me",
             std::map<std::string, std::string> labels = {}) {
    MUST(log->begin({.container = container,
                     .name = "web",
                     .user = user,
                     .image = "busybox",
                     .labels = std::move(labels),
                     .started = second * kSecond,
                     .pulled = 1000}));
  }
  void end(const std::string& container, std::int64_t second, const UsageCounters& counters = {}) {
    MUST(log->end(container, second * kSecond, 0, counters));
  }
  UsageRow total(const UsageQuery& query = {}) {
    const auto rows = MUST(log->report(query));
    return rows.empty() ? UsageRow{} : rows.at(0);
  }
};

TEST_F(Usage, ALifeIsKeptWithWhatItUsed) {
  begin("c1", 100);
  MUST(log->sample("c1", 110 * kSecond, {.cpu = kSecond, .memory = 1000}));
  MUST(log->end("c1", 120 * kSecond, 7, UsageCounters{.cpu = 3 * kSecond, .memory = 1000, .io_read = 5}));
  log = MUST(UsageLog::open(root.path()));
  const auto lives = MUST(log->lives({}));
  ASSERT_EQ(lives.size(), 1u);
  EXPECT_EQ(lives[0].exit_code, 7);
  EXPECT_EQ(lives[0].ended, 120 * kSecond);
  EXPECT_EQ(lives[0].counters.cpu, 3ull * kSecond);
  EXPECT_EQ(lives[0].counters.memory_peak, 1000u);
  EXPECT_DOUBLE_EQ(lives[0].memory_byte_seconds, 500 * 10 + 1000 * 10);
}

TEST_F(Usage, WhatWasPulledIsChargedToTheNextLifeOfTheImageOnce) {
  const auto run = [&](const std::string& container, const std::string& digest, std::int64_t second) {
    MUST(log->begin({.container = container, .image_digest = digest, .started = second * kSecond}));
    end(container, second + 1);
  };
  MUST(log->add_pulled("sha256:a", 700));
  MUST(log->add_pulled("sha256:a", 300));
  run("c1", "sha256:b", 100);
  run("c2", "sha256:a", 200);
  run("c3", "sha256:a", 300);
  std::vector<std::uint64_t> pulled;
  for (const UsageLife& life : MUST(log->lives({}))) pulled.push_back(life.pulled);
  EXPECT_EQ(pulled, (std::vector<std::uint64_t>{0, 1000, 0}));
}

TEST_F(Usage, EveryStartIsALifeOfItsOwn) {
  begin("c1", 100);
  end("c1", 110);
  begin("c1", 200);
  end("c1", 230);
  EXPECT_EQ(total().lives, 2u);
  EXPECT_DOUBLE_EQ(total().seconds, 40);
}

TEST_F(Usage, ALifeWhoseEndNobodySawEndedWhenItWasSeenLast) {
  begin("c1", 100);
  MUST(log->sample("c1", 150 * kSecond, {}));
  begin("c1", 300);
  const auto lives = MUST(log->lives({}));
  EXPECT_EQ(lives[0].ended, 150 * kSecond);
  EXPECT_EQ(lives[0].exit_code, -1);
  EXPECT_EQ(lives[1].ended, 0);
}

TEST_F(Usage, WhatDidNotBeginIsNotCounted) {
  MUST(log->sample("nobody", 1, {.cpu = 1}));
  end("nobody", 2);
  EXPECT_TRUE(MUST(log->lives({})).empty());
}

TEST_F(Usage, ReportsAreGroupedByWhatIsAsked) {
  begin("c1", 0, "ann", {{"com.docker.compose.project", "shop"}, {"tier", "db"}});
  end("c1", 10, {.cpu = kSecond});
  begin("c2", 0, "ann", {{"tier", "web"}});
  end("c2", 10, {.cpu = 2 * kSecond});
  begin("c3", 0, "bob");
  end("c3", 10, {.cpu = 4 * kSecond});
  const auto by_user = MUST(log->report({.group_by = {"user"}}));
  ASSERT_EQ(by_user.size(), 2u);
  EXPECT_EQ(by_user[0].group, std::vector<std::string>{"ann"});
  EXPECT_DOUBLE_EQ(by_user[0].cpu_seconds, 3);
  EXPECT_EQ(by_user[0].pulled, 2000u);
  EXPECT_EQ(MUST(log->report({.group_by = {"project", "label:tier"}})).size(), 3u);
  EXPECT_EQ(log->report({.group_by = {"moon"}}).error().code(), Code::InvalidArgument);
}

TEST_F(Usage, OnlyThePartOfALifeInTheAskedTimeCounts) {
  begin("c1", 100);
  end("c1", 200, {.cpu = 10 * kSecond});
  const UsageRow half = total({.since = 150 * kSecond, .until = 400 * kSecond});
  EXPECT_DOUBLE_EQ(half.seconds, 50);
  EXPECT_DOUBLE_EQ(half.cpu_seconds, 5);
  EXPECT_EQ(total({.since = 200 * kSecond}).lives, 0u);
  EXPECT_EQ(total({.until = 100 * kSecond}).lives, 0u);
}

TEST_F(Usage, PruningForgetsOldLivesAndNoneThatRun) {
  begin("c1", 100);
  end("c1", 200);
  begin("c2", 100);
  EXPECT_EQ(MUST(log->prune(300 * kSecond)), 1u);
  EXPECT_EQ(MUST(log->lives({})).at(0).container, "c2");
}

}  // namespace
}  // namespace gantry::engine
