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
  EXPECT_EQ(MUST(parse_duration("1.s")), 1s);
  EXPECT_EQ(MUST(parse_duration(".5m")), 30s);
}

TEST(Duration, IsExact) {
  EXPECT_EQ(MUST(parse_duration("200984h5m37.509042505s")), 200984h + 5min + 37s + 509042505ns);
  EXPECT_EQ(MUST(parse_duration("0.1234567891234567891234s")), 123456789ns);
}

TEST(Duration, OtherTextIsRefused) {
  for (const char* text : {"", "-", "5", "h", "1h-2m", "1 h", "1e3s", ".s", "9999999999h", "2000000h",
                           "99999999999999999999ns", "1200000h1200000h"})
    EXPECT_FALSE(parse_duration(text)) << text;
}

}  // namespace
}  // namespace gantry
