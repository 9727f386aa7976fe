// SPDX-License-Identifier: Apache-2.0
//
// Many changes at once. A program of its own, since it takes the kernel a while to make so many namespaces.
#include <algorithm>
#include <thread>

#include "network/test_host.h"

namespace gantry::network {
namespace {

TEST(ManyNetworks, TwoHundredAtOnceHaveTwoHundredAddresses) {
  IN_OWN_HOST({
    TestHost host;
    MUST(host.networks->create({.name = "shop", .ipam = {.config = {{.subnet = "10.1.0.0/24"}}}}));
    constexpr int kThreads = 16;
    constexpr int kEach = 13;
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < kEach; ++i) {
          const std::string key = fmt::format("c{}-{}", t, i);
          MUST(host.networks->make_sandbox(key));
          MUST(host.networks->connect(key, "shop", {.container_name = key}));
        }
      });
    for (std::thread& thread : threads) thread.join();
    std::vector<std::string> addresses;
    for (const Endpoint& endpoint : MUST(host.networks->find("shop")).endpoints)
      addresses.push_back(endpoint.settings.ip_address);
    std::ranges::sort(addresses);
    EXPECT_EQ(addresses.size(), static_cast<std::size_t>(kThreads * kEach));
    EXPECT_EQ(std::ranges::adjacent_find(addresses), addresses.end());
    threads.clear();
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < kEach; ++i) MUST(host.networks->remove_sandbox(fmt::format("c{}-{}", t, i)));
      });
    for (std::thread& thread : threads) thread.join();
    MUST(host.networks->remove("shop"));
    auto routes = MUST(kernel::RouteSocket::open());
    for (const kernel::Link& link : MUST(routes.links())) EXPECT_EQ(link.name, "lo");
  });
}

// What a sandbox leaves is news to the one who repairs: he looks at all bridges while they are removed.
TEST(ManyNetworks, ThatAreRemovedStayRemovedDuringARepair) {
  IN_OWN_HOST({
    TestHost host;
    MUST(host.networks->reconcile({}));  // changes are followed from here on
    for (int round = 0; round < 5; ++round) {
      std::vector<std::string> names;
      for (int i = 0; i < 8; ++i) {
        names.push_back(fmt::format("net{}", i));
        MUST(host.networks->create({.name = names.back()}));
      }
      const std::string key = fmt::format("c{}", round);
      MUST(host.networks->make_sandbox(key));
      MUST(host.networks->connect(key, names[0], {}));
      MUST(host.networks->remove_sandbox(key));
      for (const std::string& name : names) MUST(host.networks->remove(name));
    }
    host.networks.reset();
    auto routes = MUST(kernel::RouteSocket::open());
    for (const kernel::Link& link : MUST(routes.links())) EXPECT_EQ(link.name, "lo");
  });
}

}  // namespace
}  // namespace gantry::network
