// SPDX-License-Identifier: Apache-2.0
//
// After a kill, and after somebody has damaged what is ours: everything is as it was, and nothing is left
// over.
#include <csignal>

#include "base/file.h"
#include "kernel/network/nft_batch.h"
#include "network/test_host.h"

namespace gantry::network {
namespace {

const PortRequest kPort{.container_port = 80, .first_host_port = 8080, .last_host_port = 8080};

std::vector<std::string> links_here() {
  std::vector<std::string> names;
  auto routes = MUST(kernel::RouteSocket::open());
  for (const kernel::Link& link : MUST(routes.links()))
    if (link.name != "lo") names.push_back(link.name);
  return names;
}

void delete_link(const std::string& name) {
  auto routes = MUST(kernel::RouteSocket::open());
  kernel::RouteBatch batch;
  batch.delete_link(name);
  MUST(routes.run(batch));
}

void delete_table() {
  auto socket = MUST(kernel::NetlinkSocket::open(NETLINK_NETFILTER));
  kernel::NftBatch batch("gantry0");
  batch.add_table();
  batch.delete_table();
  MUST(batch.commit(socket));
}

TEST(NetworkRepair, ANewDaemonFindsEverythingOfTheLiving) {
  IN_OWN_HOST({
    TestHost host;
    const Neighbour neighbour(host);
    MUST(host.networks->create({.name = "shop"}));
    const EndpointSettings a = host.container("a", "shop");
    MUST(host.networks->connect("a", "bridge", {}));
    host.container("dead", "shop");
    MUST(host.networks->publish("a", std::span(&kPort, 1)));
    const UniqueFd server = serve(host.path("a"), "0.0.0.0", 80);
    host.restart({"a"});
    EXPECT_EQ(reach(server, neighbour.path, "10.9.0.1", 8080), "10.9.0.2");
    EXPECT_EQ(host.networks->endpoints_of("a").at("shop").ip_address, a.ip_address);
    EXPECT_EQ(host.networks->ports_of("a").at(0).host_port, 8080);
    EXPECT_EQ(MUST(host.networks->find("shop")).endpoints.size(), 1u);
    EXPECT_NE(::access(host.path("dead").c_str(), F_OK), 0);
    // Its port is still taken, its address too; the dead one's is free.
    host.sandbox("b");
    EXPECT_EQ(MUST(host.networks->connect("b", "shop", {})).ip_address, "172.18.0.3");
    EXPECT_EQ(host.networks->publish("b", std::span(&kPort, 1)).error().code(), Code::AlreadyExists);
    MUST(host.networks->remove_sandbox("a"));
    EXPECT_EQ(reach(server, neighbour.path, "10.9.0.1", 8080, kNothingComesMs), "");
  });
}

TEST(NetworkRepair, RulesThatSomebodyRemovesComeBack) {
  IN_OWN_HOST({
    TestHost host;
    const Neighbour neighbour(host);
    MUST(host.networks->reconcile({}));
    host.container("a", "bridge");
    MUST(host.networks->publish("a", std::span(&kPort, 1)));
    const UniqueFd server = serve(host.path("a"), "0.0.0.0", 80);
    delete_table();
    // Until then the host itself refuses the connection.
    EXPECT_TRUE(comes_true(
        [&] { return reach(server, neighbour.path, "10.9.0.1", 8080, kNothingComesMs) == "10.9.0.2"; }));
  });
}

TEST(NetworkRepair, ABridgeThatSomebodyRemovesComesBackWithItsPorts) {
  IN_OWN_HOST({
    TestHost host;
    MUST(host.networks->reconcile({}));
    const EndpointSettings a = host.container("a", "bridge");
    const EndpointSettings b = host.container("b", "bridge");
    const UniqueFd server = serve(host.path("a"), "0.0.0.0", 80);
    delete_link("gantry0");
    EXPECT_TRUE(comes_true(
        [&] { return reach(server, host.path("b"), a.ip_address, 80, kNothingComesMs) == b.ip_address; }));
    EXPECT_TRUE(
        comes_true([&] { return reach(server, "", a.ip_address, 80, kNothingComesMs) == a.gateway; }));
  });
}

TEST(NetworkRepair, AnInterfaceThatSomebodyRemovesComesBack) {
  IN_OWN_HOST({
    TestHost host;
    MUST(host.networks->reconcile({}));
    const EndpointSettings a = host.container("a", "bridge");
    const UniqueFd server = serve(host.path("a"), "0.0.0.0", 80);
    delete_link("veth" + a.endpoint_id.substr(0, 11));
    EXPECT_TRUE(
        comes_true([&] { return reach(server, "", a.ip_address, 80, kNothingComesMs) == a.gateway; }));
  });
}

TEST(NetworkRepair, WhatGoesByOurselvesIsNotRepaired) {
  IN_OWN_HOST({
    TestHost host;
    MUST(host.networks->reconcile({}));
    MUST(host.networks->create({.name = "shop"}));
    for (int i = 0; i < 10; ++i) {
      MUST(host.networks->make_sandbox("a"));
      MUST(host.networks->connect("a", "shop", {}));
      MUST(host.networks->connect("a", "bridge", {}));
      MUST(host.networks->disconnect("a", "shop"));
      MUST(host.networks->remove_sandbox("a"));
    }
    MUST(host.networks->remove("shop"));
    EXPECT_EQ(links_here(), std::vector<std::string>{"gantry0"});
  });
}

// The whole life of a sandbox, again and again.
[[noreturn]] void live(const NetworksOptions& options) {
  auto networks = MUST(Networks::open(options));
  MUST(networks->reconcile({}));
  for (;;) {
    const std::string network = MUST(networks->create({.name = "shop"}));
    MUST(networks->make_sandbox("a"));
    MUST(networks->connect("a", "shop", {}));
    MUST(networks->publish("a", std::span(&kPort, 1)));
    MUST(networks->connect("a", "bridge", {}));
    MUST(networks->disconnect("a", "shop"));
    MUST(networks->remove_sandbox("a"));
    MUST(networks->remove("shop"));
  }
}

TEST(NetworkRepair, KilledAnywhereNothingIsLeftOver) {
  IN_OWN_HOST({
    const testing::TempDir dir;
    Logger log(STDERR_FILENO, {.level = LogLevel::Error});
    const NetworksOptions options{.root = dir / "root", .run = dir / "run", .log = &log};
    {
      auto routes = MUST(kernel::RouteSocket::open());
      kernel::RouteBatch batch;
      batch.set_up("lo");
      MUST(routes.run(batch));
    }
    for (int i = 0; i < 40; ++i) {
      SCOPED_TRACE(i);
      const pid_t child = testing::start_child([&] { live(options); });
      ::usleep(static_cast<useconds_t>(9'000 + i * 701));
      ::kill(child, SIGKILL);
      EXPECT_TRUE(WIFSIGNALED(testing::status_of(child)));
      auto networks = MUST(Networks::open(options));
      MUST(networks->reconcile({}));
      EXPECT_EQ(MUST(names_in(AT_FDCWD, options.run + "/netns")), std::vector<std::string>());
      for (const Network& network : networks->list()) EXPECT_TRUE(network.endpoints.empty());
      (void)networks->remove("shop");  // it may have been made
      // What is left is the default bridge, if it was needed yet; the port is free.
      for (const std::string& link : links_here()) EXPECT_EQ(link, "gantry0");
      MUST(networks->make_sandbox("b"));
      MUST(networks->connect("b", "bridge", {}));
      EXPECT_EQ(MUST(networks->publish("b", std::span(&kPort, 1))).at(0).host_port, 8080);
      MUST(networks->remove_sandbox("b"));
    }
  });
}

}  // namespace
}  // namespace gantry::network
