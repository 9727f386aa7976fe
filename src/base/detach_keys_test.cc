// SPDX-License-Identifier: Apache-2.0
#include "base/detach_keys.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry {
namespace {

// What goes through, with '!' where it detaches.
std::string fed(std::string_view keys, std::initializer_list<std::string_view> inputs) {
  DetachKeys detach = MUST(DetachKeys::parse(keys));
  std::string text;
  for (const std::string_view input : inputs) {
    const DetachKeys::Fed result = detach.feed(input);
    text += result.forward;
    if (result.is_detached) return text + '!';
  }
  return text;
}

TEST(DetachKeys, are_ctrl_p_and_ctrl_q_unless_said) {
  EXPECT_EQ(fed("", {"ab\x10\x11"
                     "c"}),
            "ab!");
  EXPECT_EQ(fed("", {"\x10", "\x11"}), "!");
  EXPECT_EQ(fed("ctrl-a,x", {"\x01", "x"}), "!");
  EXPECT_EQ(fed("d", {"abcd"}), "abc!");
  EXPECT_EQ(fed("ctrl-[,,", {"\x1b,"}), "!");
}

TEST(DetachKeys, go_through_where_the_sequence_is_broken) {
  EXPECT_EQ(fed("", {"\x10", "a"}),
            "\x10"
            "a");
  EXPECT_EQ(fed("", {"\x10\x10\x11"}), "\x10!");
  EXPECT_EQ(fed("", {"\x11\x10"}), "\x11");
  EXPECT_EQ(fed("a,b,c", {"ab", "abc"}), "ab!");
}

TEST(DetachKeys, are_refused_when_they_are_none) {
  for (const char* text : {"ctrl-", "ctrl-1", "alt-x", "ctrl-a,", "ctrl-P"})
    EXPECT_FALSE(DetachKeys::parse(text)) << text;
}

}  // namespace
}  // namespace gantry
