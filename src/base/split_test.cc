// SPDX-License-Identifier: Apache-2.0
#include "base/split.h"

#include <gtest/gtest.h>

namespace gantry {
namespace {

using Parts = std::vector<std::string_view>;

TEST(Split, KeepsEveryPart) {
  EXPECT_EQ(split("a:b::c", ':'), (Parts{"a", "b", "", "c"}));
  EXPECT_EQ(split(":", ':'), (Parts{"", ""}));
  EXPECT_EQ(split("", ':'), Parts{""});
}

TEST(Split, WordsAreNotEmpty) {
  EXPECT_EQ(split_words("  a b  ", ' '), (Parts{"a", "b"}));
  EXPECT_EQ(split_words("", ' '), Parts{});
}

}  // namespace
}  // namespace gantry
