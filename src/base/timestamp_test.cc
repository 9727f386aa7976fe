// SPDX-License-Identifier: Apache-2.0
#include "base/timestamp.h"

#include <gtest/gtest.h>

#include <array>

namespace gantry {
namespace {

TEST(Timestamp, is_rfc_3339_in_utc_with_nine_digits) {
  EXPECT_EQ(format_timestamp({.tv_sec = 0, .tv_nsec = 0}), "1970-01-01T00:00:00.000000000Z");
  EXPECT_EQ(format_timestamp({.tv_sec = 1'795'256'430, .tv_nsec = 123'456'789}),
            "2026-11-21T10:20:30.123456789Z");
  EXPECT_EQ(format_timestamp({.tv_sec = 253'402'300'799, .tv_nsec = 999'999'999}),
            "9999-12-31T23:59:59.999999999Z");
}

TEST(Timestamp, knows_leap_days) {
  EXPECT_EQ(format_timestamp({.tv_sec = 951'782'400}).substr(0, 10), "2000-02-29");
  EXPECT_EQ(format_timestamp({.tv_sec = 4'107'542'400}).substr(0, 10), "2100-03-01");
}

TEST(Timestamp, the_second_before_the_epoch_is_a_second_as_any_other) {
  EXPECT_EQ(format_timestamp({.tv_sec = -1, .tv_nsec = 5}), "1969-12-31T23:59:59.000000005Z");
}

TEST(Timestamp, rewrites_what_changed_and_only_that) {
  Timestamp timestamp;
  const auto text = [&](timespec time) {
    timestamp.set(time);
    return std::string(timestamp.data(), kTimestampSize);
  };
  EXPECT_EQ(text({.tv_sec = 59, .tv_nsec = 999'999'999}), "1970-01-01T00:00:59.999999999Z");
  EXPECT_EQ(text({.tv_sec = 59, .tv_nsec = 7}), "1970-01-01T00:00:59.000000007Z");
  EXPECT_EQ(text({.tv_sec = 60, .tv_nsec = 7}), "1970-01-01T00:01:00.000000007Z");
  EXPECT_EQ(text({.tv_sec = 59, .tv_nsec = 8}), "1970-01-01T00:00:59.000000008Z") << "clocks may be set back";
}

TEST(Timestamp, is_read_back_to_the_nanosecond) {
  EXPECT_EQ(parse_timestamp("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(parse_timestamp("2026-11-21T10:20:30.123456789Z"), 1'795'256'430'123'456'789);
  EXPECT_EQ(parse_timestamp("2026-11-21t10:20:30.5z"), 1'795'256'430'500'000'000);
  EXPECT_EQ(parse_timestamp("2026-11-21T12:20:30+02:00"), 1'795'256'430'000'000'000);
  EXPECT_EQ(parse_timestamp("2026-11-20T20:50:30-13:30"), 1'795'256'430'000'000'000);
  EXPECT_EQ(parse_timestamp("1970-01-01T00:00:00.1234567899999Z"), 123'456'789) << "cut, not rounded";
  EXPECT_EQ(parse_timestamp("1969-12-31T23:59:59.000000005Z"), -999'999'995);
}

TEST(Timestamp, refuses_what_is_no_time) {
  for (const char* text :
       {"", "now", "2026-11-21", "2026-11-21T10:20:30", "2026-11-31T10:20:30Z", "2026-11-21T24:00:00Z",
        "2026-11-21T10:20:30.Z", "2026-11-21T10:20:30Zz", "2026-11-21T10:20:30+02", "0001-01-01T00:00:00Z",
        "2300-01-01T00:00:00Z", "+026-11-21T10:20:30Z"})
    EXPECT_EQ(parse_timestamp(text), std::nullopt) << text;
}

// An independent way to the same text.
TEST(Timestamp, agrees_with_the_c_library_about_now) {
  const timespec now = wall_clock_now();
  tm broken_down{};
  ASSERT_NE(::gmtime_r(&now.tv_sec, &broken_down), nullptr);
  std::array<char, 32> expected{};
  ASSERT_EQ(std::strftime(expected.data(), expected.size(), "%Y-%m-%dT%H:%M:%S", &broken_down), 19U);
  EXPECT_EQ(format_timestamp(now).substr(0, 19), expected.data());
}

}  // namespace
}  // namespace gantry
