// SPDX-License-Identifier: Apache-2.0
#include "base/number_list.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry {
namespace {

using Numbers = std::vector<std::uint16_t>;

TEST(NumberList, has_numbers_and_ranges) {
  EXPECT_EQ(MUST(parse_number_list("0-2,7")), (Numbers{0, 1, 2, 7}));
  EXPECT_EQ(MUST(parse_number_list(" 1 , 3 - 4\n")), (Numbers{1, 3, 4}));
  EXPECT_EQ(MUST(parse_number_list("65535")), Numbers{65535});
}

TEST(NumberList, may_be_empty) {
  EXPECT_TRUE(MUST(parse_number_list("")).empty());
  EXPECT_TRUE(MUST(parse_number_list("\n")).empty());
}

TEST(NumberList, is_nothing_else) {
  for (const char* text :
       {"x", "1-", "-1", "3-1", "1,,2", "1,", ",1", "65536", "1 2", "0x1", "1-2-3", "99999999999"})
    EXPECT_FALSE(parse_number_list(text)) << text;
}

TEST(NumberList, becomes_a_bit_mask) {
  EXPECT_EQ(as_bit_mask<std::uint8_t>({0, 1, 2, 9}), (std::vector<std::uint8_t>{7, 2}));
  EXPECT_EQ(as_bit_mask<unsigned long>({64}), (std::vector<unsigned long>{0, 1}));
  EXPECT_TRUE(as_bit_mask<std::uint8_t>({}).empty());
}

}  // namespace
}  // namespace gantry
