// SPDX-License-Identifier: Apache-2.0
#include "network/subnet_addresses.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::network {
namespace {

IpAddress ip(const std::string& text) { return IpAddress::parse(text).value(); }
IpPrefix prefix(const std::string& text) { return IpPrefix::parse(text).value(); }

TEST(SubnetAddresses, TheGatewayIsTheFirstAndEndpointsFollow) {
  auto pool = MUST(SubnetAddresses::make({.subnet = "10.1.0.0/16"}));
  EXPECT_EQ(pool.gateway(), ip("10.1.0.1"));
  EXPECT_EQ(MUST(pool.take_any()), ip("10.1.0.2"));
  EXPECT_EQ(MUST(pool.take_any()), ip("10.1.0.3"));
  pool.give_back(ip("10.1.0.2"));
  EXPECT_EQ(MUST(pool.take_any()), ip("10.1.0.2"));
  EXPECT_EQ(MUST(pool.take_any()), ip("10.1.0.4"));
}

TEST(SubnetAddresses, NeitherTheNetworkNorItsBroadcastAddressIsGiven) {
  auto pool = MUST(SubnetAddresses::make({.subnet = "10.1.0.0/30"}));
  EXPECT_EQ(pool.gateway(), ip("10.1.0.1"));
  EXPECT_EQ(MUST(pool.take_any()), ip("10.1.0.2"));
  EXPECT_EQ(pool.take_any().error().code(), Code::ResourceExhausted);
}

TEST(SubnetAddresses, ANetworkOfTwoAddressesHasBoth) {
  auto pool = MUST(SubnetAddresses::make({.subnet = "10.1.0.0/31"}));
  EXPECT_EQ(pool.gateway(), ip("10.1.0.0"));
  EXPECT_EQ(MUST(pool.take_any()), ip("10.1.0.1"));
}

TEST(SubnetAddresses, TheEndOfAllAddressesIsNoWayRound) {
  auto pool = MUST(SubnetAddresses::make({.subnet = "255.255.255.248/29", .ip_range = "255.255.255.252/30"}));
  EXPECT_EQ(pool.gateway(), ip("255.255.255.252"));
  EXPECT_EQ(MUST(pool.take_any()), ip("255.255.255.253"));
  EXPECT_EQ(MUST(pool.take_any()), ip("255.255.255.254"));
  EXPECT_FALSE(pool.take_any().has_value());
  pool.give_back(ip("255.255.255.253"));
  EXPECT_EQ(MUST(pool.take_any()), ip("255.255.255.253"));
}

TEST(SubnetAddresses, IPv6WorksTheSame) {
  auto pool = MUST(SubnetAddresses::make({.subnet = "fd00:1::/64"}));
  EXPECT_EQ(pool.gateway(), ip("fd00:1::1"));
  EXPECT_EQ(MUST(pool.take_any()), ip("fd00:1::2"));
  MUST(pool.take(ip("fd00:1::ffff")));
  EXPECT_EQ(pool.take(ip("fd00:1::ffff")).error().code(), Code::AlreadyExists);
  EXPECT_EQ(pool.take(ip("fd00:2::1")).error().code(), Code::InvalidArgument);
}

TEST(SubnetAddresses, WhatWasWrittenWrongIsRefused) {
  const auto refuses = [](const IpamPool& pool) { return !SubnetAddresses::make(pool).has_value(); };
  EXPECT_TRUE(refuses({.subnet = "10.1.0.0"}));
  EXPECT_TRUE(refuses({.subnet = "10.1.0.1/16"}));
  EXPECT_TRUE(refuses({.subnet = "10.1.0.0/32"}));
  EXPECT_TRUE(refuses({.subnet = "0.0.0.0/0"}));
  EXPECT_TRUE(refuses({.subnet = "10.1.0.0/16", .ip_range = "10.2.0.0/24"}));
  EXPECT_TRUE(refuses({.subnet = "10.1.0.0/16", .ip_range = "10.0.0.0/8"}));
  EXPECT_TRUE(refuses({.subnet = "10.1.0.0/16", .gateway = "fd00::1"}));
  EXPECT_TRUE(refuses(
      {.subnet = "10.1.0.0/16", .gateway = "10.1.0.9", .auxiliary_addresses = {{"taken", "10.1.0.9"}}}));
}

TEST(ChooseSubnet, TheFirstThatOverlapsNothing) {
  const SubnetSource sources[] = {{prefix("10.0.0.0/22"), 24}, {prefix("10.9.0.0/24"), 24}};
  const auto choose = [&](std::vector<IpPrefix> taken) {
    const auto chosen = choose_subnet(sources, taken);
    return chosen ? chosen->str() : "";
  };
  EXPECT_EQ(choose({}), "10.0.0.0/24");
  EXPECT_EQ(choose({prefix("10.0.0.0/24"), prefix("10.0.2.128/25")}), "10.0.1.0/24");
  EXPECT_EQ(choose({prefix("10.0.0.0/23")}), "10.0.2.0/24");
  EXPECT_EQ(choose({prefix("10.0.0.0/16")}), "10.9.0.0/24");
  EXPECT_EQ(choose({prefix("10.0.0.0/8")}), "");
}

TEST(ChooseSubnet, DefaultsAreDockersAndEndWithinTheirBases) {
  std::vector<IpPrefix> taken;
  while (const auto chosen = choose_subnet(default_subnet_sources(), taken)) taken.push_back(*chosen);
  EXPECT_EQ(taken.size(), 15u + 16u);
  EXPECT_EQ(taken.front(), prefix("172.17.0.0/16"));
  EXPECT_EQ(taken[14], prefix("172.31.0.0/16"));
  EXPECT_EQ(taken.back(), prefix("192.168.240.0/20"));
}

TEST(RandomLocalSubnet, IsOfRfc4193AndNeverTheSame) {
  const IpPrefix one = random_local_subnet();
  EXPECT_EQ(one.length, 64);
  EXPECT_EQ(one.address, one.first());
  EXPECT_TRUE(prefix("fd00::/8").contains(one));
  EXPECT_NE(one, random_local_subnet());
}

}  // namespace
}  // namespace gantry::network
