// SPDX-License-Identifier: Apache-2.0
#include "engine/health.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::engine {
namespace {

using namespace std::chrono_literals;
using Time = HealthCheck::Time;

constexpr Time kStart = Time(1000s);

container::Config with(container::HealthConfig check) {
  container::Config config;
  config.healthcheck = std::move(check);
  return config;
}

Probe probe(container::HealthConfig check = {.test = {"CMD", "true"}}) {
  return *MUST(probe_of(with(std::move(check))));
}

// A probe that took a second and ended then.
bool end_probe(HealthCheck& check, Time ended, int exit_code) {
  return check.on_result(ended - 1s, ended, {.exit_code = exit_code, .output = "said"});
}

TEST(Health, probes_only_what_asks_for_it) {
  EXPECT_FALSE(MUST(probe_of({})));
  EXPECT_FALSE(MUST(probe_of(with({.test = {"NONE"}}))));
  EXPECT_FALSE(MUST(probe_of(with({.test = {}}))));
  EXPECT_FALSE(probe_of(with({.test = {"CMD"}})));
  EXPECT_FALSE(probe_of(with({.test = {"PING", "x"}})));
}

TEST(Health, runs_a_command_or_a_line_of_the_containers_shell) {
  EXPECT_EQ(probe({.test = {"CMD", "curl", "-f", "x"}}).command,
            (std::vector<std::string>{"curl", "-f", "x"}));
  EXPECT_EQ(probe({.test = {"CMD-SHELL", "a && b"}}).command,
            (std::vector<std::string>{"/bin/sh", "-c", "a && b"}));
  container::Config config = with({.test = {"CMD-SHELL", "a"}});
  config.shell = {"/bin/bash", "-lc"};
  EXPECT_EQ(MUST(probe_of(config))->command, (std::vector<std::string>{"/bin/bash", "-lc", "a"}));
}

TEST(Health, has_Dockers_times_where_none_are_given) {
  EXPECT_EQ(probe().interval, 30s);
  EXPECT_EQ(probe().timeout, 30s);
  EXPECT_EQ(probe().start_period, 0s);
  EXPECT_EQ(probe().retries, 3);
}

TEST(Health, is_probed_an_interval_after_the_start_and_after_each_end) {
  HealthCheck check(probe(), kStart);
  EXPECT_EQ(check.next_probe(), kStart + 30s);
  end_probe(check, kStart + 42s, 0);
  EXPECT_EQ(check.next_probe(), kStart + 72s);
}

TEST(Health, is_healthy_after_one_success) {
  HealthCheck check(probe(), kStart);
  EXPECT_EQ(check.status(), HealthStatus::Starting);
  EXPECT_TRUE(end_probe(check, kStart + 30s, 0));
  EXPECT_EQ(check.status(), HealthStatus::Healthy);
  EXPECT_FALSE(end_probe(check, kStart + 60s, 0));
}

TEST(Health, is_unhealthy_after_as_many_failures_in_a_row_as_retries) {
  HealthCheck check(probe(), kStart);
  EXPECT_FALSE(end_probe(check, kStart + 30s, 1));
  EXPECT_TRUE(end_probe(check, kStart + 60s, 0));
  EXPECT_FALSE(end_probe(check, kStart + 90s, 1));
  EXPECT_FALSE(end_probe(check, kStart + 120s, 2));
  EXPECT_TRUE(end_probe(check, kStart + 150s, 1));
  EXPECT_EQ(check.status(), HealthStatus::Unhealthy);
  EXPECT_EQ(check.health()->failing_streak, 3);
  EXPECT_TRUE(end_probe(check, kStart + 180s, 0));
  EXPECT_EQ(check.health()->failing_streak, 0);
}

TEST(Health, probes_more_often_and_counts_no_failure_while_it_starts) {
  HealthCheck check(
      probe({.test = {"CMD", "x"}, .start_period = std::int64_t{60} * 1'000'000'000, .retries = 1}), kStart);
  EXPECT_EQ(check.next_probe(), kStart + 5s);
  EXPECT_FALSE(end_probe(check, kStart + 6s, 1));
  EXPECT_EQ(check.health()->failing_streak, 0);
  EXPECT_EQ(check.next_probe(), kStart + 11s);
  end_probe(check, kStart + 61s, 1);  // began one second before, at the end of the period
  EXPECT_EQ(check.status(), HealthStatus::Unhealthy);
  EXPECT_EQ(check.next_probe(), kStart + 91s);
}

TEST(Health, that_was_good_once_is_out_of_the_start_period) {
  HealthCheck check(
      probe({.test = {"CMD", "x"}, .start_period = std::int64_t{60} * 1'000'000'000, .retries = 1}), kStart);
  end_probe(check, kStart + 6s, 0);
  EXPECT_EQ(check.next_probe(), kStart + 36s);
  EXPECT_TRUE(end_probe(check, kStart + 20s, 1));
  EXPECT_EQ(check.status(), HealthStatus::Unhealthy);
}

TEST(Health, keeps_the_last_five_results_and_little_of_their_output) {
  HealthCheck check(probe(), kStart);
  for (int i = 0; i < 7; ++i) end_probe(check, kStart + i * 1s, i);
  ASSERT_EQ(check.health()->log.size(), 5U);
  EXPECT_EQ(check.health()->log.front().exit_code, 2);
  check.on_result(kStart, kStart, {.output = std::string(kMaxProbeOutput - 1, 'x') + "\xc3\xa4" + "more"});
  EXPECT_EQ(check.health()->log.back().output, std::string(kMaxProbeOutput - 1, 'x') + "...");
}

TEST(Health, shares_what_it_was_with_who_looked_before) {
  HealthCheck check(probe(), kStart);
  const std::shared_ptr<const Health> before = check.health();
  end_probe(check, kStart, 0);
  EXPECT_EQ(before->status, HealthStatus::Starting);
}

TEST(Health, says_how_long_it_waited) {
  EXPECT_EQ(timed_out_probe(30s, "", "", "").output, "Health check exceeded timeout (30s)");
  EXPECT_EQ(timed_out_probe(90s, "", "", "out").output, "Health check exceeded timeout (1m30s): out");
  EXPECT_EQ(timed_out_probe(1500ms, "", "", "").output, "Health check exceeded timeout (1.500s)");
  EXPECT_EQ(timed_out_probe(30s, "", "", "").exit_code, -1);
}

}  // namespace
}  // namespace gantry::engine
