// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/cron_schedule.h"

#include <gtest/gtest.h>

namespace gantry::kube::rules {
namespace {

TEST(CronSchedule, HasFiveFieldsOrIsAWord) {
  for (const char* good : {"* * * * *", "*/5 0-23/2 1,15 JAN-mar ?", "0 3 * * sun", "59 23 31 12 6", "@daily",
                           "@every 1h30m", "  0  0 1 1 *"})
    EXPECT_EQ(schedule_fault(good), std::nullopt) << good;
  for (const char* bad : {"", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *",
                          "* * * * 7", "5-1 * * * *", "*/0 * * * *", "1-2-3 * * * *", "1/2/3 * * * *",
                          "x * * * *", "1,,2 * * * *", "@never", "@every x", "-1 * * * *", "* * * janu *"})
    EXPECT_NE(schedule_fault(bad), std::nullopt) << bad;
}

TEST(CronSchedule, SaysWhatIsWrong) {
  EXPECT_EQ(schedule_fault("* * *"), "expected exactly 5 fields, found 3: [* * *]");
  EXPECT_EQ(schedule_fault("60 * * * *"), "end of range (60) above maximum (59): 60");
}

}  // namespace
}  // namespace gantry::kube::rules
