// SPDX-License-Identifier: Apache-2.0
#include "kernel/network/ip_address.h"

#include <gtest/gtest.h>

namespace gantry::kernel {
namespace {

IpAddress ip(const std::string& text) { return IpAddress::parse(text).value(); }
IpPrefix prefix(const std::string& text) { return IpPrefix::parse(text).value(); }

TEST(IpAddress, BothVersionsAreReadAndWritten) {
  for (const char* text : {"0.0.0.0", "10.1.2.3", "255.255.255.255", "::", "::1", "fd00:1::2"})
    EXPECT_EQ(ip(text).str(), text);
  EXPECT_EQ(ip("fd00:0001::0002").str(), "fd00:1::2");
  for (const char* text : {"", "10.1", "10.1.2.256", "::1%lo", "fd00:::1", " 10.1.2.3", "10.1.2.3/8"})
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  EXPECT_FALSE(IpAddress::parse(std::string_view("10.1.2.3\0", 9)));
}

TEST(IpAddress, TheyAreCountedAndOrdered) {
  EXPECT_EQ(ip("10.1.2.255").plus(1), ip("10.1.3.0"));
  EXPECT_EQ(ip("255.255.255.255").plus(1), ip("0.0.0.0"));
  EXPECT_EQ(ip("fd00::ffff").plus(1), ip("fd00::1:0"));
  EXPECT_LT(ip("10.1.2.3"), ip("10.1.2.4"));
  EXPECT_LT(ip("255.255.255.255"), ip("::"));
  EXPECT_NE(ip("0.0.0.1"), ip("::1"));
  EXPECT_TRUE(ip("127.9.9.9").is_loopback());
  EXPECT_TRUE(ip("::1").is_loopback());
  EXPECT_FALSE(ip("0.0.0.1").is_loopback());
}

TEST(IpPrefix, ItsAddressesAreBetweenFirstAndLast) {
  const IpPrefix net = prefix("10.1.2.3/16");
  EXPECT_EQ(net.str(), "10.1.2.3/16");
  EXPECT_EQ(net.first(), ip("10.1.0.0"));
  EXPECT_EQ(net.last(), ip("10.1.255.255"));
  EXPECT_TRUE(net.contains(ip("10.1.9.9")));
  EXPECT_FALSE(net.contains(ip("10.2.0.0")));
  EXPECT_TRUE(prefix("0.0.0.0/0").contains(ip("255.255.255.255")));
  EXPECT_FALSE(prefix("0.0.0.0/0").contains(ip("::")));
  EXPECT_EQ(prefix("::/0").last(), ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
  EXPECT_EQ(prefix("10.1.2.3/32").first(), prefix("10.1.2.3/32").last());
}

TEST(IpPrefix, TwoOverlapWhenOneHoldsTheOther) {
  EXPECT_TRUE(prefix("10.0.0.0/8").overlaps(prefix("10.1.0.0/16")));
  EXPECT_TRUE(prefix("10.1.0.0/16").overlaps(prefix("10.0.0.0/8")));
  EXPECT_FALSE(prefix("10.0.0.0/16").overlaps(prefix("10.1.0.0/16")));
  EXPECT_FALSE(prefix("0.0.0.0/0").overlaps(prefix("::/0")));
}

TEST(IpPrefix, MalformedOnesAreNone) {
  for (const char* text :
       {"10.1.0.0", "10.1.0.0/", "10.1.0.0/33", "10.1.0.0/-1", "10.1.0.0/8x", "::/129", "/8"})
    EXPECT_FALSE(IpPrefix::parse(text)) << text;
}

}  // namespace
}  // namespace gantry::kernel
