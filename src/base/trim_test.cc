// SPDX-License-Identifier: Apache-2.0
#include "base/trim.h"

#include <gtest/gtest.h>

namespace gantry {
namespace {

TEST(Trim, WhatIsAroundATextIsLeftOut) {
  EXPECT_EQ(trimmed(" \ta b\r\n"), "a b");
  EXPECT_EQ(trimmed("a"), "a");
  EXPECT_EQ(trimmed(" \n"), "");
  EXPECT_EQ(trimmed(""), "");
}

TEST(Trim, OnlyWhatCountsAsSpace) { EXPECT_EQ(trimmed(" \n a ", " "), "\n a"); }

}  // namespace
}  // namespace gantry
