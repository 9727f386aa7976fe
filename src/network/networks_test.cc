// SPDX-License-Identifier: Apache-2.0
#include "network/networks.h"

#include "network/test_host.h"

namespace gantry::network {
namespace {

NetworkConfig network(const std::string& name, const std::string& subnet = {}) {
  NetworkConfig config{.name = name};
  if (!subnet.empty()) config.ipam.config.push_back({.subnet = subnet});
  return config;
}

TEST(Networks, ThreeAreThereFromTheBeginning) {
  IN_OWN_HOST({
    TestHost host;
    std::vector<std::string> names;
    for (const Network& each : host.networks->list()) {
      names.push_back(each.config.name);
      EXPECT_TRUE(each.is_predefined());
      EXPECT_EQ(host.networks->remove(each.id).error().code(), Code::PermissionDenied);
    }
    EXPECT_EQ(names, (std::vector<std::string>{"bridge", "host", "none"}));
  });
}

TEST(Networks, EndpointsOfOneNetworkReachEachOtherAndTheHost) {
  IN_OWN_HOST({
    TestHost host;
    const EndpointSettings a = host.container("a", "bridge");
    const EndpointSettings b = host.container("b", "bridge");
    EXPECT_EQ(a.ip_address, "172.17.0.2");
    EXPECT_EQ(a.gateway, "172.17.0.1");
    EXPECT_EQ(a.ip_prefix_len, 16);
    EXPECT_EQ(a.mac_address, "02:42:ac:11:00:02");
    EXPECT_EQ(b.ip_address, "172.17.0.3");
    const UniqueFd server = serve(host.path("a"), "0.0.0.0", 80);
    EXPECT_EQ(reach(server, host.path("b"), a.ip_address, 80), b.ip_address);
    EXPECT_EQ(reach(server, "", a.ip_address, 80), a.gateway);
    const UniqueFd on_host = serve("", "0.0.0.0", 81);
    EXPECT_EQ(reach(on_host, host.path("a"), a.gateway, 81), a.ip_address);
  });
}

TEST(Networks, EndpointsOfDifferentNetworksDoNotReachEachOther) {
  IN_OWN_HOST({
    TestHost host;
    MUST(host.networks->create(network("one", "10.1.0.0/24")));
    MUST(host.networks->create(network("two", "10.2.0.0/24")));
    const EndpointSettings a = host.container("a", "one");
    const EndpointSettings b = host.container("b", "two");
    const UniqueFd server = serve(host.path("a"), "0.0.0.0", 80);
    EXPECT_EQ(reach(server, host.path("b"), a.ip_address, 80, kNothingComesMs), "");
    // One that is in both does.
    MUST(host.networks->connect("b", "one", {}));
    EXPECT_EQ(reach(server, host.path("b"), a.ip_address, 80), "10.1.0.3");
    MUST(host.networks->disconnect("b", "one"));
    EXPECT_EQ(reach(server, host.path("b"), a.ip_address, 80, kNothingComesMs), "");
  });
}

TEST(Networks, WhatGoesOutHasTheAddressOfTheHost) {
  IN_OWN_HOST({
    TestHost host;
    const Neighbour neighbour(host);
    host.container("a", "bridge");
    const UniqueFd server = serve(neighbour.path, "0.0.0.0", 80);
    EXPECT_EQ(reach(server, host.path("a"), "10.9.0.2", 80), "10.9.0.1");
  });
}

TEST(Networks, OnlyPublishedPortsAreReachedFromOutside) {
  IN_OWN_HOST({
    TestHost host;
    const Neighbour neighbour(host);
    const EndpointSettings a = host.container("a", "bridge");
    const UniqueFd server = serve(host.path("a"), "0.0.0.0", 80);
    const UniqueFd datagrams = serve(host.path("a"), "0.0.0.0", 53, SOCK_DGRAM);
    neighbour.add_route("172.17.0.0/16", "10.9.0.1");
    const std::vector<PortRequest> requests{
        {.container_port = 80, .first_host_port = 8080, .last_host_port = 8080},
        {.protocol = Protocol::Udp, .container_port = 53, .first_host_port = 5353, .last_host_port = 5353}};
    const auto ports = MUST(host.networks->publish("a", requests));
    ASSERT_EQ(ports.size(), 2u);
    EXPECT_EQ(ports[0].host_ip, "0.0.0.0");
    EXPECT_EQ(ports[0].host_port, 8080);
    EXPECT_EQ(reach(server, neighbour.path, "10.9.0.1", 8080), "10.9.0.2");
    EXPECT_EQ(reach_udp(datagrams, neighbour.path, "10.9.0.1", 5353), "10.9.0.2");
    EXPECT_EQ(reach(server, neighbour.path, a.ip_address, 80, kNothingComesMs), "");
    MUST(host.networks->unpublish("a"));
    EXPECT_EQ(reach(server, neighbour.path, "10.9.0.1", 8080, kNothingComesMs), "");
  });
}

TEST(Networks, APublishedPortIsReachedFromTheHostAndFromContainers) {
  IN_OWN_HOST({
    TestHost host;
    const EndpointSettings a = host.container("a", "bridge");
    host.container("b", "bridge");
    MUST(host.networks->create(network("other", "10.2.0.0/24")));
    host.container("c", "other");
    const UniqueFd server = serve(host.path("a"), "0.0.0.0", 80);
    const PortRequest request{.container_port = 80, .first_host_port = 8080, .last_host_port = 8080};
    MUST(host.networks->publish("a", std::span(&request, 1)));
    EXPECT_EQ(reach(server, "", "127.0.0.1", 8080), "172.17.0.1");
    EXPECT_EQ(reach(server, "", "172.17.0.1", 8080), "172.17.0.1");
    for (const char* from : {"a", "b"}) {
      SCOPED_TRACE(from);
      EXPECT_EQ(reach(server, host.path(from), "172.17.0.1", 8080), "172.17.0.1");
    }
    EXPECT_EQ(reach(server, host.path("c"), "10.2.0.1", 8080), "172.17.0.1");
  });
}

TEST(Networks, APortOfTheHostsLoopbackIsForTheHostAlone) {
  IN_OWN_HOST({
    TestHost host;
    const Neighbour neighbour(host);
    host.container("a", "bridge");
    const UniqueFd server = serve(host.path("a"), "0.0.0.0", 80);
    const PortRequest request{
        .container_port = 80, .host_ip = "127.0.0.1", .first_host_port = 8080, .last_host_port = 8080};
    MUST(host.networks->publish("a", std::span(&request, 1)));
    EXPECT_EQ(reach(server, "", "127.0.0.1", 8080), "172.17.0.1");
    EXPECT_EQ(reach(server, neighbour.path, "10.9.0.1", 8080, kNothingComesMs), "");
    neighbour.add_route("127.0.0.1/32", "10.9.0.1");
    EXPECT_EQ(reach(server, neighbour.path, "127.0.0.1", 8080, kNothingComesMs), "");
  });
}

TEST(Networks, TheDefaultNetworkFollowsTheConfiguration) {
  IN_OWN_HOST({
    TestHost host;
    const auto reopen = [&](const std::string& address) {
      host.networks.reset();
      NetworksOptions options = host.options();
      options.bridge_address = address;
      host.networks = MUST(Networks::open(options));
      return MUST(host.networks->find("bridge"));
    };
    const std::string id = reopen("").id;
    EXPECT_EQ(reopen("").id, id);
    const Network moved = reopen("10.7.0.1/24");
    EXPECT_EQ(moved.config.ipam.config.at(0).subnet, "10.7.0.0/24");
    EXPECT_EQ(moved.config.ipam.config.at(0).gateway, "10.7.0.1");
    EXPECT_EQ(host.container("a", "bridge").ip_address, "10.7.0.2");
    // Not while somebody is connected.
    EXPECT_EQ(reopen("10.8.0.1/24").config.ipam.config.at(0).subnet, "10.7.0.0/24");
  });
}

}  // namespace
}  // namespace gantry::network
