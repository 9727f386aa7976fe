// SPDX-License-Identifier: Apache-2.0
#include "base/human.h"

#include <gtest/gtest.h>

#include "base/table.h"

namespace gantry {
namespace {

using namespace std::chrono_literals;

TEST(Human, sizes_have_three_digits_and_decimal_units) {
  EXPECT_EQ(human_size(0), "0B");
  EXPECT_EQ(human_size(999), "999B");
  EXPECT_EQ(human_size(1000), "1kB");
  EXPECT_EQ(human_size(1234), "1.23kB");
  EXPECT_EQ(human_size(999'999), "1MB");
  EXPECT_EQ(human_size(150'400'000), "150MB");
  EXPECT_EQ(human_size(UINT64_MAX), "18.4EB");
}

TEST(Human, durations_have_one_unit) {
  EXPECT_EQ(human_duration(0s), "Less than a second");
  EXPECT_EQ(human_duration(1s), "1 second");
  EXPECT_EQ(human_duration(59s), "59 seconds");
  EXPECT_EQ(human_duration(61s), "About a minute");
  EXPECT_EQ(human_duration(59min), "59 minutes");
  EXPECT_EQ(human_duration(61min), "About an hour");
  EXPECT_EQ(human_duration(47h), "47 hours");
  EXPECT_EQ(human_duration(24h * 13), "13 days");
  EXPECT_EQ(human_duration(24h * 14), "2 weeks");
  EXPECT_EQ(human_duration(24h * 100), "3 months");
  EXPECT_EQ(human_duration(24h * 1000), "2 years");
}

TEST(Table, columns_are_as_wide_as_their_widest_cell) {
  Table table({"NAME", "SIZE"});
  table.add({"busybox", "1.2MB"});
  table.add({"ä", "0B"});
  EXPECT_EQ(table.text(),
            "NAME      SIZE\n"
            "busybox   1.2MB\n"
            "ä         0B\n");
}

}  // namespace
}  // namespace gantry
