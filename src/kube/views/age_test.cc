// SPDX-License-Identifier: Apache-2.0
#include "kube/views/age.h"

#include <gtest/gtest.h>

namespace gantry::kube::views {
namespace {

TEST(Age, has_two_or_three_digits) {
  constexpr std::int64_t kMinute = 60, kHour = 60 * kMinute, kDay = 24 * kHour, kYear = 365 * kDay;
  const std::pair<std::int64_t, const char*> examples[] = {
      {-2, "<invalid>"},
      {-1, "0s"},
      {0, "0s"},
      {119, "119s"},
      {120, "2m"},
      {5 * kMinute + 30, "5m30s"},
      {10 * kMinute + 1, "10m"},
      {3 * kHour - 1, "179m"},
      {3 * kHour, "3h"},
      {7 * kHour + 5 * kMinute, "7h5m"},
      {8 * kHour + 5 * kMinute, "8h"},
      {47 * kHour, "47h"},
      {2 * kDay, "2d"},
      {5 * kDay + 3 * kHour, "5d3h"},
      {8 * kDay + 3 * kHour, "8d"},
      {400 * kDay, "400d"},
      {2 * kYear, "2y"},
      {3 * kYear + 20 * kDay, "3y20d"},
      {9 * kYear + 20 * kDay, "9y"},
  };
  for (const auto& [seconds, text] : examples) EXPECT_EQ(age_text(seconds), text);
}

TEST(Age, is_unknown_without_a_time) {
  EXPECT_EQ(age_since("1970-01-01T00:01:00Z", 90), "30s");
  EXPECT_EQ(age_since("", 90), "<unknown>");
}

}  // namespace
}  // namespace gantry::kube::views
