// SPDX-License-Identifier: Apache-2.0
#include "engine/restart_policy.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::engine {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

RestartDecider decider(const char* name, std::int64_t maximum = 0) {
  const container::RestartPolicy policy{.name = name, .maximum_retry_count = maximum};
  MUST(check_restart_policy(policy));
  return RestartDecider(policy);
}

constexpr RestartDecider::Exit kFailed{.code = 1, .ran_for = 1s};
constexpr RestartDecider::Exit kFine{.code = 0, .ran_for = 1s};
constexpr RestartDecider::Exit kStopped{.code = 143, .ran_for = 1s, .was_stopped = true};

TEST(RestartPolicy, knows_Dockers_names_and_no_others) {
  EXPECT_EQ(MUST(check_restart_policy({})), RestartRule::No);
  EXPECT_EQ(MUST(check_restart_policy({.name = "on-failure", .maximum_retry_count = 3})),
            RestartRule::OnFailure);
  EXPECT_NE(check_restart_policy({.name = "sometimes"}).error().message().find("unknown policy 'sometimes'"),
            std::string::npos);
  EXPECT_FALSE(check_restart_policy({.name = "always", .maximum_retry_count = 3}));
  EXPECT_FALSE(check_restart_policy({.name = "on-failure", .maximum_retry_count = -1}));
}

TEST(RestartPolicy, restarts_by_rule_and_exit_code) {
  EXPECT_FALSE(decider("no").on_exit(kFailed));
  EXPECT_TRUE(decider("always").on_exit(kFine));
  EXPECT_TRUE(decider("unless-stopped").on_exit(kFine));
  EXPECT_FALSE(decider("on-failure").on_exit(kFine));
  EXPECT_TRUE(decider("on-failure").on_exit(kFailed));
}

TEST(RestartPolicy, lets_lie_what_somebody_stopped) {
  for (const char* name : {"no", "always", "unless-stopped", "on-failure"})
    EXPECT_FALSE(decider(name).on_exit(kStopped)) << name;
}

TEST(RestartPolicy, gives_up_after_the_maximum_of_failures) {
  RestartDecider limited = decider("on-failure", 2);
  EXPECT_TRUE(limited.on_exit(kFailed));
  EXPECT_TRUE(limited.on_exit(kFailed));
  EXPECT_FALSE(limited.on_exit(kFailed));
  EXPECT_EQ(limited.count(), 2);
  limited.reset();
  EXPECT_TRUE(limited.on_exit(kFailed));
}

TEST(RestartPolicy, waits_twice_as_long_each_time_up_to_a_minute) {
  RestartDecider always = decider("always");
  for (const milliseconds expected : {100ms, 200ms, 400ms, 800ms})
    EXPECT_EQ(always.on_exit(kFailed), expected);
  for (int i = 0; i < 10; ++i) (void)always.on_exit(kFailed);  // only the delay is of interest
  EXPECT_EQ(always.on_exit(kFailed), 1min);
}

TEST(RestartPolicy, waits_shortly_again_after_a_long_run) {
  RestartDecider always = decider("always");
  for (int i = 0; i < 5; ++i) (void)always.on_exit(kFailed);  // only the delay is of interest
  EXPECT_EQ(always.on_exit({.code = 1, .ran_for = 11s}), 100ms);
}

TEST(RestartPolicy, starts_with_the_daemon_what_was_not_stopped_and_always_what_is_always) {
  EXPECT_TRUE(decider("always").starts_with_daemon(0, true));
  EXPECT_FALSE(decider("unless-stopped").starts_with_daemon(0, true));
  EXPECT_TRUE(decider("unless-stopped").starts_with_daemon(0, false));
  EXPECT_FALSE(decider("on-failure").starts_with_daemon(0, false));
  EXPECT_TRUE(decider("on-failure").starts_with_daemon(137, false));
  EXPECT_FALSE(decider("no").starts_with_daemon(1, false));
}

}  // namespace
}  // namespace gantry::engine
