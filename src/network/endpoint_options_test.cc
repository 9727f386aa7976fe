// SPDX-License-Identifier: Apache-2.0
#include "network/endpoint_options.h"

#include <gtest/gtest.h>

#include "network/config.h"
#include "testing/must.h"

namespace gantry::network {
namespace {

Result<EndpointOptions> with(std::string_view option, const std::string& value) {
  return parse_endpoint_options({{std::string(option), value}});
}

TEST(EndpointOptions, NameAnInterfaceAndItsSettings) {
  EXPECT_EQ(MUST(with(kOptionInterfaceName, "back")).interface, "back");
  const auto options = MUST(with(kOptionEndpointSysctls,
                                 "net.ipv4.conf.IFNAME.forwarding=1,net.ipv6.neigh.IFNAME.ucast_solicit=5"));
  ASSERT_EQ(options.sysctls.size(), 2u);
  EXPECT_EQ(options.sysctls[0], std::pair(std::string("ipv4/conf/IFNAME/forwarding"), std::string("1")));
  EXPECT_EQ(options.sysctls[1].first, "ipv6/neigh/IFNAME/ucast_solicit");
}

TEST(EndpointOptions, SettingsOfAnythingElseAreRefused) {
  for (const char* text :
       {"net.ipv4.ip_forward=1", "net.ipv4.conf.all.forwarding=1", "net.ipv4.conf.IFNAME.=1",
        "net.ipv4.conf.IFNAME.a/b=1", "kernel.shmmax=1", "net.ipv4.conf.IFNAME.forwarding", ""})
    EXPECT_EQ(with(kOptionEndpointSysctls, text).error().code(), Code::InvalidArgument) << text;
}

TEST(EndpointOptions, OptionsOfDockersThatAreNotKnownAreRefusedAndOthersIgnored) {
  EXPECT_EQ(with("com.docker.network.endpoint.colour", "red").error().code(), Code::Unsupported);
  EXPECT_TRUE(with("org.example.colour", "red").has_value());
}

TEST(EndpointAddresses, are_addresses_of_their_kind) {
  const auto checked = [](EndpointSettings wanted) {
    const auto result = check_addresses(wanted);
    return result ? "" : result.error().message();
  };
  EXPECT_EQ(checked({}), "");
  EXPECT_EQ(checked({.ipam_config = EndpointIpam{"10.0.0.2", "fd00::2", {"169.254.9.9", "fe80::9"}},
                     .mac_address = "02:00:00:00:00:01"}),
            "");
  EXPECT_EQ(checked({.ipam_config = EndpointIpam{.ipv4_address = "odd"}}), "invalid IPv4 address: odd");
  EXPECT_EQ(checked({.ipam_config = EndpointIpam{.ipv4_address = "fd00::2"}}),
            "invalid IPv4 address: fd00::2");
  EXPECT_EQ(checked({.ipam_config = EndpointIpam{.ipv6_address = "10.0.0.2"}}),
            "invalid IPv6 address: 10.0.0.2");
  EXPECT_EQ(checked({.ipam_config = EndpointIpam{.link_local_ips = {"x"}}}),
            "invalid link-local IP address: x");
  EXPECT_EQ(checked({.mac_address = "02:00"}), "invalid MAC address: 02:00");
}

}  // namespace
}  // namespace gantry::network
