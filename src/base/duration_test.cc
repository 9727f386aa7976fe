// SPDX-License-Identifier: Apache-2.0
#include "base/duration.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry {
namespace {

using namespace std::chrono_literals;

TEST(Duration, IsReadAsGoWritesIt) {
  EXPECT_EQ(MUST(parse_duration("2h45m")), 2h + 45min);
  EXPECT_EQ(MUST(parse_duration("1.5s")), 1500ms);
  EXPECT_EQ(MUST(parse_duration("-300ms")), -300ms);
  EXPECT_EQ(MUST(parse_duration("0")), 0ns);
}

TEST(Duration, OtherTextIsRefused) {
  for (const char* text : {"", "-", "5", "h", "1h-2m", "1 h", "1e3s", "9999999999h"})
    EXPECT_FALSE(parse_duration(text)) << text;
}

}  // namespace
}  // namespace gantry
