// SPDX-License-Identifier: Apache-2.0
#include "base/hex.h"

#include <gtest/gtest.h>

#include <array>

namespace gantry {
namespace {

TEST(Hex, is_two_digits_a_byte) {
  const std::string_view bytes("\x00\x9f\xa0\xff", 4);
  EXPECT_EQ(to_hex(std::as_bytes(std::span(bytes))), "009fa0ff");
  EXPECT_EQ(from_hex("009fA0fF"), bytes);
  EXPECT_EQ(to_hex({}), "");
  EXPECT_EQ(from_hex(""), "");
}

TEST(Hex, is_nothing_else) {
  for (const char* text : {"0", "0g", "0x", " 0", "00 ", "\xff\xff"}) EXPECT_FALSE(from_hex(text)) << text;
}

TEST(Hex, fills_as_many_bytes_as_there_is_room_for) {
  std::array<std::byte, 2> bytes{};
  EXPECT_TRUE(from_lower_hex("0aff", bytes));
  EXPECT_EQ(bytes, (std::array{std::byte{0x0a}, std::byte{0xff}}));
  for (const char* text : {"", "0a", "0affff", "0aff0", "0axf", "0aFf"})
    EXPECT_FALSE(from_lower_hex(text, bytes)) << text;
}

}  // namespace
}  // namespace gantry
