// SPDX-License-Identifier: Apache-2.0
#include "docker/time_parameter.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::docker {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kNow = 1'800'000'000 * kSecond;

TEST(Time, is_given_in_seconds_with_a_fraction_of_any_length) {
  EXPECT_EQ(MUST(parse_time("1732183200", kNow)), 1732183200 * kSecond);
  EXPECT_EQ(MUST(parse_time("1732183200.5", kNow)), 1732183200 * kSecond + kSecond / 2);
  EXPECT_EQ(MUST(parse_time("1732183200.000000001", kNow)), 1732183200 * kSecond + 1);
  EXPECT_EQ(MUST(parse_time("1732183200.0000000019", kNow)), 1732183200 * kSecond + 1);
  EXPECT_EQ(MUST(parse_time("0", kNow)), 0);
}

TEST(Time, is_given_as_a_date) {
  EXPECT_EQ(MUST(parse_time("2024-11-21T10:00:00Z", kNow)), 1732183200 * kSecond);
  EXPECT_EQ(MUST(parse_time("2024-11-21T10:00:00.25Z", kNow)), 1732183200 * kSecond + kSecond / 4);
  EXPECT_EQ(MUST(parse_time("2024-11-21T11:00:00+01:00", kNow)), 1732183200 * kSecond);
  EXPECT_EQ(MUST(parse_time("2024-11-21", kNow)) % (60 * kSecond), 0);
  EXPECT_EQ(MUST(parse_time("2024-11-21T10:30", kNow)) - MUST(parse_time("2024-11-21T10", kNow)),
            1800 * kSecond);
}

TEST(Time, is_given_as_what_has_passed_since) {
  EXPECT_EQ(MUST(parse_time("10m", kNow)), kNow - 600 * kSecond);
  EXPECT_EQ(MUST(parse_time("1h30m", kNow)), kNow - 5400 * kSecond);
  EXPECT_EQ(MUST(parse_time("-2s", kNow)), kNow + 2 * kSecond);
}

TEST(Time, in_other_words_is_refused) {
  for (const char* text : {"", "yesterday", "1.2.3", "1,5", "99999999999999999999", "12:30", "1e300h", "5d"})
    EXPECT_FALSE(parse_time(text, kNow)) << text;
}

}  // namespace
}  // namespace gantry::docker
