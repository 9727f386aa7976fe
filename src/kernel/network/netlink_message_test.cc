// SPDX-License-Identifier: Apache-2.0
#include "kernel/network/netlink_message.h"

#include <gtest/gtest.h>

namespace gantry::kernel {
namespace {

const std::uint8_t kTwo[] = {
    5, 0, 1, 0,    'x', 0, 0, 0,  // one byte, filled up to four
    8, 0, 2, 0x80, 1,   2, 3, 4   // marked as nested
};

TEST(NetlinkAttributes, AreReadWithTheirFilling) {
  const auto found = attributes_in(kTwo);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].type, 1);
  EXPECT_EQ(found[0].text(), "x");
  EXPECT_EQ(found[1].type, 2);
  EXPECT_EQ(found[1].number<std::uint32_t>(), 0x04030201u);
  EXPECT_EQ(found[0].number<std::uint32_t>(), std::uint32_t{'x'});  // as much as there is
  EXPECT_FALSE(find_attribute(kTwo, 3));
}

TEST(NetlinkAttributes, WhatIsCutShortOrLyingEndsTheList) {
  const Bytes all(kTwo);
  EXPECT_EQ(attributes_in(all.first(15)).size(), 1u);
  EXPECT_EQ(attributes_in(all.first(5)).size(), 1u);
  EXPECT_EQ(attributes_in(all.first(4)).size(), 0u);
  const std::uint8_t too_small[] = {3, 0, 1, 0};
  EXPECT_EQ(attributes_in(too_small).size(), 0u);
  const std::uint8_t too_large[] = {200, 0, 1, 0, 1, 2, 3, 4};
  EXPECT_EQ(attributes_in(too_large).size(), 0u);
}

}  // namespace
}  // namespace gantry::kernel
