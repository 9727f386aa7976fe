// SPDX-License-Identifier: Apache-2.0
#include "base/printable.h"

#include <gtest/gtest.h>

namespace gantry {
namespace {

TEST(Printable, leaves_plain_text_alone) { EXPECT_EQ(printable("Grüße, 世界 🙂"), "Grüße, 世界 🙂"); }

TEST(Printable, escapes_what_a_terminal_would_obey) {
  EXPECT_EQ(printable("a\n\t\x1b[31m'b'\\"), "a\\n\\t\\x1b[31m\\'b\\'\\\\");
  EXPECT_EQ(printable(std::string_view("\0\x7f", 2)), "\\x00\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b");  // U+009B begins a control sequence as ESC [ does
  EXPECT_EQ(printable("\xff\xc3"), "\\xff\\xc3");
}

TEST(Printable, cuts_long_text) {
  EXPECT_EQ(printable(std::string(81, 'x')), std::string(80, 'x') + "...");
  EXPECT_LE(printable(std::string(1 << 20, '\0'), 10).size(), 20U);
}

TEST(Printable, knows_utf8) {
  EXPECT_EQ(utf8_length(""), 0U);
  EXPECT_EQ(utf8_length("a"), 1U);
  EXPECT_EQ(utf8_length("ü"), 2U);
  EXPECT_EQ(utf8_length("世"), 3U);
  EXPECT_EQ(utf8_length("🙂"), 4U);
  for (const char* text : {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
                           "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe4\xb8", "\xc3"})
    EXPECT_EQ(utf8_length(text), 0U) << printable(text);
}

}  // namespace
}  // namespace gantry
