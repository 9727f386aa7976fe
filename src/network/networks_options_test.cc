// SPDX-License-Identifier: Apache-2.0
//
// What networks and endpoints may be told, as the kernel has it in the end.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>

#include "network/endpoint_options.h"
#include "network/network_settings.h"
#include "network/sysctl.h"
#include "network/test_host.h"

namespace gantry::network {
namespace {

NetworkConfig network(const std::string& name, const std::string& subnet = {}) {
  NetworkConfig config{.name = name};
  if (!subnet.empty()) config.ipam.config.push_back({.subnet = subnet});
  return config;
}

EndpointSettings at_address(const std::string& v4, const std::string& v6 = {}) {
  return {.ipam_config = EndpointIpam{.ipv4_address = v4, .ipv6_address = v6}};
}

ConnectRequest want(EndpointSettings settings) { return {.wanted = std::move(settings)}; }

PortRequest port(std::uint16_t container, std::uint16_t host) {
  return {.container_port = container, .first_host_port = host, .last_host_port = host};
}

TEST(NetworkOptions, FixedAddressesAndMacsAreGivenAndRefusedWhenTaken) {
  IN_OWN_HOST({
    TestHost host;
    MUST(host.networks->create(network("shop", "10.1.0.0/24")));
    EndpointSettings wanted = at_address("10.1.0.50");
    wanted.mac_address = "02:00:00:00:00:50";
    const EndpointSettings got = host.container("a", "shop", wanted);
    EXPECT_EQ(got.ip_address, "10.1.0.50");
    EXPECT_EQ(got.mac_address, "02:00:00:00:00:50");
    const UniqueFd server = serve(host.path("a"), "10.1.0.50", 80);
    EXPECT_EQ(reach(server, "", "10.1.0.50", 80), "10.1.0.1");
    host.sandbox("b");
    const auto refused = host.networks->connect("b", "shop", want(at_address("10.1.0.50")));
    EXPECT_EQ(refused.error().code(), Code::AlreadyExists);
    const auto outside = host.networks->connect("b", "shop", want(at_address("10.9.9.9")));
    EXPECT_EQ(outside.error().code(), Code::InvalidArgument);
    const auto on_default = host.networks->connect("b", "bridge", want(at_address("172.17.0.9")));
    EXPECT_EQ(on_default.error().message(),
              "connect 'b' to network 'bridge': user specified IP address is supported on user defined "
              "networks only");
    MUST(host.networks->remove_sandbox("a"));
    EXPECT_EQ(MUST(host.networks->connect("b", "shop", want(at_address("10.1.0.50")))).ip_address,
              "10.1.0.50");
  });
}

TEST(NetworkOptions, AnIpRangeIsWhereAddressesComeFrom) {
  IN_OWN_HOST({
    TestHost host;
    NetworkConfig config{.name = "ranged"};
    config.ipam.config.push_back({.subnet = "10.1.0.0/16",
                                  .ip_range = "10.1.5.0/30",
                                  .gateway = "10.1.0.1",
                                  .auxiliary_addresses = {{"router", "10.1.5.1"}}});
    MUST(host.networks->create(config));
    EXPECT_EQ(host.container("a", "ranged").ip_address, "10.1.5.0");
    EXPECT_EQ(host.container("b", "ranged").ip_address, "10.1.5.2");
    EXPECT_EQ(host.container("c", "ranged").ip_address, "10.1.5.3");
    host.sandbox("d");
    const auto exhausted = host.networks->connect("d", "ranged", {});
    EXPECT_EQ(exhausted.error().code(), Code::ResourceExhausted);
    EXPECT_EQ(MUST(host.networks->connect("d", "ranged", want(at_address("10.1.7.7")))).ip_address,
              "10.1.7.7");
  });
}

TEST(NetworkOptions, Ipv6IsGivenRoutedAndPublished) {
  IN_OWN_HOST({
    TestHost host;
    const Neighbour neighbour(host);
    NetworkConfig config = network("six", "fd00:1::/64");
    // With it, br_netfilter translates answers back to ::1 before they leave the bridge, where the kernel
    // then drops them. (IPv4 has no such check.)
    (void)write_sysctl("bridge/bridge-nf-call-ip6tables", "0");
    config.enable_ipv6 = true;
    MUST(host.networks->create(config));
    const EndpointSettings a = host.container("a", "six");
    const EndpointSettings b = host.container("b", "six", at_address("", "fd00:1::99"));
    EXPECT_EQ(a.global_ipv6_address, "fd00:1::2");
    EXPECT_EQ(a.ipv6_gateway, "fd00:1::1");
    EXPECT_EQ(a.global_ipv6_prefix_len, 64);
    EXPECT_EQ(b.global_ipv6_address, "fd00:1::99");
    EXPECT_FALSE(a.ip_address.empty());  // IPv4 as well
    const UniqueFd server = serve(host.path("a"), "::", 80);
    EXPECT_EQ(reach(server, host.path("b"), "fd00:1::2", 80), "fd00:1::99");
    const UniqueFd outside = serve(neighbour.path, "::", 80);
    EXPECT_EQ(reach(outside, host.path("a"), "fd09::2", 80), "fd09::1");
    const PortRequest request = port(80, 8080);
    const auto ports = MUST(host.networks->publish("a", std::span(&request, 1)));
    ASSERT_EQ(ports.size(), 2u);
    EXPECT_EQ(ports[1].host_ip, "::");
    EXPECT_EQ(reach(server, neighbour.path, "fd09::1", 8080), "fd09::2");
    config.name = "seven";  // with a bridge of its own
    config.ipam.config = {{.subnet = "fd00:2::/64"}};
    MUST(host.networks->create(config));
    EXPECT_EQ(reach(server, "", "::1", 8080), "fd00:1::1");
    EXPECT_EQ(reach(server, "", "fd09::1", 8080), "fd09::1");
    EXPECT_EQ(reach(server, host.path("b"), "fd00:1::1", 8080), "fd00:1::1");
    neighbour.add_route("fd00:1::/64", "fd09::1");
    EXPECT_EQ(reach(server, neighbour.path, "fd00:1::2", 80, kNothingComesMs), "");
  });
}

TEST(NetworkOptions, LoopbackOfIpv6IsRefusedAtOnceWhereItsAnswersWouldBeLost) {
  IN_OWN_HOST({
    if (!write_sysctl("bridge/bridge-nf-call-ip6tables", "1")) return;  // there is no br_netfilter here
    TestHost host;
    NetworkConfig config = network("six", "fd00:1::/64");
    config.enable_ipv6 = true;
    MUST(host.networks->create(config));
    (void)host.container("a", "six");
    const UniqueFd server = serve(host.path("a"), "::", 80);
    const PortRequest request = port(80, 8080);
    (void)MUST(host.networks->publish("a", std::span(&request, 1)));
    const UniqueFd client(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    constexpr int kTries = 1;  // or a failure of this test would take minutes
    (void)::setsockopt(client.get(), IPPROTO_TCP, TCP_SYNCNT, &kTries, sizeof kTries);
    const sockaddr_in6 loopback{
        .sin6_family = AF_INET6, .sin6_port = htons(8080), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    EXPECT_EQ(::connect(client.get(), reinterpret_cast<const sockaddr*>(&loopback), sizeof loopback), -1);
    EXPECT_EQ(errno, ECONNREFUSED);
  });
}

TEST(NetworkOptions, AnInternalNetworkHasNoWayOutOrIn) {
  IN_OWN_HOST({
    TestHost host;
    const Neighbour neighbour(host);
    NetworkConfig config = network("inner", "10.1.0.0/24");
    config.internal = true;
    MUST(host.networks->create(config));
    const EndpointSettings a = host.container("a", "inner");
    host.container("b", "inner");
    const UniqueFd server = serve(host.path("a"), "0.0.0.0", 80);
    EXPECT_EQ(reach(server, host.path("b"), a.ip_address, 80), "10.1.0.3");
    const UniqueFd outside = serve(neighbour.path, "0.0.0.0", 80);
    EXPECT_EQ(reach(outside, host.path("a"), "10.9.0.2", 80, kNothingComesMs), "");
    neighbour.add_route("10.1.0.0/24", "10.9.0.1");
    EXPECT_EQ(reach(server, neighbour.path, a.ip_address, 80, kNothingComesMs), "");
    const PortRequest request = port(80, 8080);
    EXPECT_TRUE(MUST(host.networks->publish("a", std::span(&request, 1))).empty());
    // A way out comes with another network, and the port with it.
    MUST(host.networks->connect("a", "bridge", {}));
    EXPECT_EQ(host.networks->ports_of("a").size(), 1u);
    EXPECT_EQ(reach(server, neighbour.path, "10.9.0.1", 8080), "10.9.0.2");
    EXPECT_EQ(reach(outside, host.path("a"), "10.9.0.2", 80), "10.9.0.1");
    MUST(host.networks->disconnect("a", "bridge"));
    EXPECT_TRUE(host.networks->ports_of("a").empty());
  });
}

TEST(NetworkOptions, WithoutIccEndpointsReachEachOtherByPublishedPortsAlone) {
  IN_OWN_HOST({
    TestHost host;
    NetworkConfig config = network("apart", "10.1.0.0/24");
    config.options = {{std::string(kOptionIcc), "false"}};
    MUST(host.networks->create(config));
    const EndpointSettings a = host.container("a", "apart");
    host.container("b", "apart");
    const UniqueFd server = serve(host.path("a"), "0.0.0.0", 80);
    EXPECT_EQ(reach(server, host.path("b"), a.ip_address, 80, kNothingComesMs), "");
    EXPECT_EQ(reach(server, "", a.ip_address, 80), "10.1.0.1");
  });
}

TEST(NetworkOptions, TheMtuAndNamesOfInterfacesAreAsAsked) {
  IN_OWN_HOST({
    TestHost host;
    NetworkConfig config = network("jumbo", "10.1.0.0/24");
    config.options = {{std::string(kOptionMtu), "9000"},
                      {std::string(kOptionBridgeName), "mybridge"},
                      {std::string(kOptionInterfacePrefix), "net"}};
    MUST(host.networks->create(config));
    host.container("a", "jumbo");
    MUST(host.networks->connect("a", "bridge",
                                want({.driver_opts = {{std::string(kOptionInterfaceName), "back"},
                                                      {std::string(kOptionEndpointSysctls),
                                                       "net.ipv4.conf.IFNAME.log_martians=1"}}})));
    MUST(at(host.path("a"), []() -> Result<void> {
      auto inside = MUST(kernel::RouteSocket::open());
      const auto net0 = MUST(inside.find_link("net0"));
      EXPECT_TRUE(net0 && net0->mtu == 9000);
      EXPECT_TRUE(MUST(inside.find_link("back")));
      EXPECT_EQ(MUST(read_sysctl("ipv4/conf/back/log_martians")).substr(0, 1), "1");
      return {};
    }));
    auto outside = MUST(kernel::RouteSocket::open());
    EXPECT_EQ(MUST(outside.find_link("mybridge"))->mtu, 9000u);
  });
}

TEST(NetworkOptions, TheGatewayIsThatOfTheHighestPriority) {
  IN_OWN_HOST({
    TestHost host;
    MUST(host.networks->create(network("one", "10.1.0.0/24")));
    MUST(host.networks->create(network("two", "10.2.0.0/24")));
    host.container("a", "two");
    const auto gateway = [&] {
      std::string found;
      MUST(at(host.path("a"), [&]() -> Result<void> {
        auto inside = MUST(kernel::RouteSocket::open());
        for (const kernel::Route& route : MUST(inside.routes()))
          if (route.destination.length == 0 && route.gateway) found += route.gateway->str();
        return {};
      }));
      return found;
    };
    EXPECT_EQ(gateway(), "10.2.0.1");
    MUST(host.networks->connect("a", "one", {}));
    EXPECT_EQ(gateway(), "10.1.0.1");  // by name
    MUST(host.networks->connect("a", "bridge", want({.gw_priority = 7})));
    EXPECT_EQ(gateway(), "172.17.0.1");
    MUST(host.networks->disconnect("a", "bridge"));
    EXPECT_EQ(gateway(), "10.1.0.1");
  });
}

TEST(NetworkOptions, ARoutedNetworkOpensPublishedPortsWithoutTranslatingThem) {
  IN_OWN_HOST({
    TestHost host;
    const Neighbour neighbour(host);
    NetworkConfig config = network("routed", "10.1.0.0/24");
    config.options = {{std::string(kOptionGatewayMode4), "routed"}};
    MUST(host.networks->create(config));
    const EndpointSettings a = host.container("a", "routed");
    neighbour.add_route("10.1.0.0/24", "10.9.0.1");
    const UniqueFd server = serve(host.path("a"), "0.0.0.0", 80);
    const UniqueFd other = serve(host.path("a"), "0.0.0.0", 81);
    const PortRequest request = port(80, 8080);
    MUST(host.networks->publish("a", std::span(&request, 1)));
    EXPECT_EQ(reach(server, neighbour.path, a.ip_address, 80), "10.9.0.2");
    EXPECT_EQ(reach(other, neighbour.path, a.ip_address, 81, kNothingComesMs), "");
    const UniqueFd outside = serve(neighbour.path, "0.0.0.0", 80);
    EXPECT_EQ(reach(outside, host.path("a"), "10.9.0.2", 80), a.ip_address);
  });
}

TEST(NetworkOptions, TrustedInterfacesReachPublishedPortsDirectly) {
  IN_OWN_HOST({
    TestHost host;
    const Neighbour neighbour(host);
    NetworkConfig config = network("shop", "10.1.0.0/24");
    config.options = {{std::string(kOptionTrusted), "uplink:eth7"}};
    MUST(host.networks->create(config));
    const EndpointSettings a = host.container("a", "shop");
    neighbour.add_route("10.1.0.0/24", "10.9.0.1");
    const UniqueFd server = serve(host.path("a"), "0.0.0.0", 80);
    const UniqueFd other = serve(host.path("a"), "0.0.0.0", 81);
    const PortRequest request{
        .container_port = 80, .host_ip = "127.0.0.1", .first_host_port = 8080, .last_host_port = 8080};
    MUST(host.networks->publish("a", std::span(&request, 1)));
    EXPECT_EQ(reach(server, neighbour.path, a.ip_address, 80), "10.9.0.2");
    EXPECT_EQ(reach(other, neighbour.path, a.ip_address, 81, kNothingComesMs), "");
    EXPECT_EQ(host.networks->trace({.from = "10.9.0.2", .to = a.ip_address, .port = 80})->back().verdict,
              TraceStep::Verdict::Passes);
    host.restart({"a"});
    EXPECT_EQ(reach(server, neighbour.path, a.ip_address, 80), "10.9.0.2");
    MUST(host.networks->unpublish("a"));
    EXPECT_EQ(reach(server, neighbour.path, a.ip_address, 80, kNothingComesMs), "");
  });
}

TEST(NetworkOptions, MacvlanEndpointsAreOnTheLinkOfTheirParent) {
  IN_OWN_HOST({
    TestHost host;
    const Neighbour neighbour(host);
    NetworkConfig config{.name = "lan", .driver = "macvlan"};
    config.ipam.config.push_back(
        {.subnet = "10.9.0.0/24", .ip_range = "10.9.0.64/26", .gateway = "10.9.0.1"});
    config.options = {{std::string(kOptionParent), "uplink"}};
    MUST(host.networks->create(config));
    const EndpointSettings a = host.container("a", "lan");
    EXPECT_EQ(a.ip_address, "10.9.0.64");
    const UniqueFd server = serve(host.path("a"), "0.0.0.0", 80);
    EXPECT_EQ(reach(server, neighbour.path, a.ip_address, 80), "10.9.0.2");
    MUST(host.networks->disconnect("a", "lan"));
    config.name = "missing";
    config.options = {{std::string(kOptionParent), "nosuch"}};
    config.ipam.config = {{.subnet = "10.8.0.0/24"}};
    EXPECT_EQ(host.networks->create(config).error().code(), Code::NotFound);
    EXPECT_EQ(host.networks->find("missing").error().code(), Code::NotFound);
  });
}

TEST(NetworkOptions, AMacvlanNetworkWithoutAParentLeadsNowhere) {
  IN_OWN_HOST({
    TestHost host;
    MUST(host.networks->create({.name = "own", .driver = "macvlan"}));
    const EndpointSettings a = host.container("a", "own");
    host.container("b", "own");
    const UniqueFd server = serve(host.path("a"), "0.0.0.0", 80);
    EXPECT_NE(reach(server, host.path("b"), a.ip_address, 80), "");
    MUST(host.networks->remove_sandbox("a"));
    MUST(host.networks->remove_sandbox("b"));
    MUST(host.networks->remove("own"));
    auto routes = MUST(kernel::RouteSocket::open());
    for (const kernel::Link& link : MUST(routes.links())) EXPECT_EQ(link.name, "lo");
  });
}

TEST(NetworkOptions, HostAndNoneAreRecordedAlone) {
  IN_OWN_HOST({
    TestHost host;
    MUST(host.networks->connect("h", "host", {.container_name = "web"}));
    EXPECT_EQ(MUST(host.networks->find("host")).endpoints.at(0).container_name, "web");
    host.container("n", "none");
    EXPECT_EQ(host.networks->endpoints_of("n").count("none"), 1u);
    MUST(host.networks->remove_sandbox("h"));
    EXPECT_TRUE(MUST(host.networks->find("host")).endpoints.empty());
  });
}

TEST(NetworkOptions, WhatIsWrongIsRefusedInDockersWords) {
  IN_OWN_HOST({
    TestHost host;
    MUST(host.networks->create(network("shop", "10.1.0.0/24")));
    const auto refusal = [&](const NetworkConfig& config) {
      const auto made = host.networks->create(config);
      EXPECT_FALSE(made.has_value());
      return made ? std::string() : made.error().message();
    };
    EXPECT_EQ(refusal(network("shop", "10.2.0.0/24")), "network with name shop already exists");
    EXPECT_EQ(refusal(network("bridge")), "operation is not permitted on predefined bridge network");
    EXPECT_EQ(refusal(network("x", "10.1.0.128/25")),
              "Pool overlaps with other one on this address space: 10.1.0.128/25 of 'x' and 10.1.0.0/24 of "
              "'shop'");
    EXPECT_EQ(refusal(network("x", "10.1.0.1/24")),
              "network 'x': invalid subnet '10.1.0.1/24': it must be "
              "'10.1.0.0/24'");
    EXPECT_EQ(refusal({.name = "x", .driver = "host"}), "only one instance of \"host\" network is allowed");
    EXPECT_EQ(refusal({.name = "x", .driver = "weave"}), "plugin \"weave\" not found");
    EXPECT_NE(refusal(network("a b")), "");
    NetworkConfig config = network("x", "10.3.0.0/24");
    config.ipam.config[0].gateway = "10.4.0.1";
    EXPECT_EQ(refusal(config), "network 'x': no matching subnet for gateway 10.4.0.1");
    config = network("x", "10.3.0.0/24");
    config.options = {{std::string(kOptionMtu), "many"}};
    EXPECT_EQ(refusal(config), "invalid value 'many' for network option 'com.docker.network.driver.mtu'");
    EXPECT_EQ(host.networks->find("nosuch").error().message(), "network nosuch not found");
    host.container("a", "shop");
    EXPECT_EQ(host.networks->remove("shop").error().code(), Code::PermissionDenied);
    EXPECT_EQ(host.networks->connect("a", "shop", {}).error().code(), Code::PermissionDenied);
    EXPECT_EQ(host.networks->disconnect("a", "bridge").error().code(), Code::NotFound);
    EXPECT_EQ(host.networks->connect("nosuch", "shop", {}).error().code(), Code::NotFound);
  });
}

TEST(NetworkOptions, SubnetsAreChosenPastTheHostsRoutesUntilNoneIsLeft) {
  IN_OWN_HOST({
    TestHost host;
    host.networks.reset();
    NetworksOptions options = host.options();
    options.root = host.dir / "small";
    options.default_address_pools = {{.base = "10.9.0.0/22", .size = 24}};
    const Neighbour neighbour(host);  // has 10.9.0.0/24
    host.networks = MUST(Networks::open(options));
    EXPECT_EQ(MUST(host.networks->find("bridge")).config.ipam.config.at(0).subnet, "10.9.1.0/24");
    MUST(host.networks->create({.name = "second"}));
    MUST(host.networks->create({.name = "third"}));
    EXPECT_EQ(MUST(host.networks->find("third")).config.ipam.config.at(0).subnet, "10.9.3.0/24");
    const auto none_left = host.networks->create({.name = "fourth"});
    EXPECT_EQ(none_left.error().code(), Code::ResourceExhausted);
    EXPECT_EQ(none_left.error().message(), "all predefined address pools have been fully subnetted");
    MUST(host.networks->remove("second"));
    MUST(host.networks->create({.name = "fourth"}));
  });
}

TEST(NetworkOptions, APortInUseNamesItsUser) {
  IN_OWN_HOST({
    TestHost host;
    host.container("web", "bridge");
    host.container("other", "bridge");
    const PortRequest request = port(80, 8080);
    MUST(host.networks->publish("web", std::span(&request, 1)));
    const auto second = host.networks->publish("other", std::span(&request, 1));
    EXPECT_EQ(second.error().code(), Code::AlreadyExists);
    EXPECT_EQ(second.error().message(), "Bind for 0.0.0.0:8080 failed: port is already allocated by 'web'");
    const UniqueFd server = serve("", "127.0.0.1", 9090);
    const PortRequest taken = port(80, 9090);
    const auto third = host.networks->publish("other", std::span(&taken, 1));
    ASSERT_FALSE(third.has_value());
    EXPECT_NE(third.error().message().find(fmt::format("by process {}", ::getpid())), std::string::npos)
        << third.error().message();
    // Nor can a program of the host have a published one.
    const Address address("0.0.0.0", 8080);
    const UniqueFd late(::socket(AF_INET, SOCK_STREAM, 0));
    const int on = 1;
    ::setsockopt(late.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    EXPECT_EQ(::bind(late.get(), address.get(), address.size) < 0 ? errno : 0, EADDRINUSE);
  });
}

TEST(NetworkOptions, ARangeGivesItsFirstFreePortAndNoneMeansAnEphemeralOne) {
  IN_OWN_HOST({
    TestHost host;
    host.container("a", "bridge");
    host.container("b", "bridge");
    const PortRequest range{.container_port = 80, .first_host_port = 8000, .last_host_port = 8001};
    const std::vector<PortRequest> two{range, range, {.protocol = Protocol::Sctp, .container_port = 80}};
    const auto ports = MUST(host.networks->publish("a", two));
    EXPECT_EQ(ports.at(0).host_port, 8000);
    EXPECT_EQ(ports.at(1).host_port, 8001);
    EXPECT_GE(ports.at(2).host_port, 1024);
    EXPECT_EQ(
        host.networks->publish("b", std::span(&range, 1)).error().message(),
        "no free port from 8000 to 8001: Bind for 0.0.0.0:8001 failed: port is already allocated by 'a'");
    const UniqueFd server = serve(host.path("a"), "0.0.0.0", 80);
    EXPECT_EQ(reach(server, "", "127.0.0.1", 8001), "172.17.0.1");
  });
}

TEST(NetworkOptions, SctpIsPublishedLikeTheOthers) {
  if (const UniqueFd fd(::socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP)); !fd)
    GTEST_SKIP() << "this kernel has no SCTP";
  IN_OWN_HOST({
    TestHost host;
    const Neighbour neighbour(host);
    host.container("a", "bridge");
    host.container("b", "bridge");
    PortRequest request = port(80, 8080);
    request.protocol = Protocol::Sctp;
    MUST(host.networks->publish("a", std::span(&request, 1)));
    const UniqueFd server = serve(host.path("a"), "0.0.0.0", 80, SOCK_STREAM, IPPROTO_SCTP);
    const auto seen = [&](const std::string& path, const std::string& address) {
      return reach(server, path, address, 8080, kPatienceMs, IPPROTO_SCTP);
    };
    EXPECT_EQ(seen(neighbour.path, "10.9.0.1"), "10.9.0.2");
    EXPECT_EQ(seen("", "10.9.0.1"), "10.9.0.1");
    EXPECT_EQ(seen(host.path("b"), "172.17.0.1"), "172.17.0.1");
  });
}

}  // namespace
}  // namespace gantry::network
