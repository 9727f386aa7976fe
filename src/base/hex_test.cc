// SPDX-License-Identifier: Apache-2.0
#include "base/hex.h"

#include <gtest/gtest.h>

#include <array>
#include <cctype>
#include <string>

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

TEST(Hex, knows_digits_from_all_other_bytes_wherever_they_stand) {
  for (int value = 0; value < 256; ++value)
    for (std::size_t at = 0; at < 18; ++at) {
      std::string digits = "0123456789abcdef01";
      digits[at] = static_cast<char>(value);
      const int worth = hex_value(digits[at]);
      const bool is_small = worth >= 0 && std::isupper(value) == 0;
      std::array<std::byte, 9> bytes{};
      EXPECT_EQ(from_lower_hex(digits, bytes), is_small) << digits;
      const auto found = from_hex(digits);
      ASSERT_EQ(found.has_value(), worth >= 0) << digits;
      if (found) {
        EXPECT_EQ(to_hex(std::as_bytes(std::span(*found)))[at], "0123456789abcdef"[worth]);
      }
      if (is_small) {
        EXPECT_EQ(to_hex(bytes), digits);
      }
    }
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
