// SPDX-License-Identifier: Apache-2.0
//
//   bench_network [CONTAINERS]
//
// What networks cost the start and end of a container, in a network namespace of its own: sandbox, connect,
// publish, a second network, and all of it undone; one published port beside a thousand others; two hundred
// connects at once. Beside it the floor: the same interfaces made by bare requests of rtnetlink. Medians, in
// microseconds. Needs root.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "kernel/network/network_namespace.h"
#include "kernel/network/route_socket.h"
#include "network/networks.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::network {
namespace {

using Clock = std::chrono::steady_clock;

class Times {
 public:
  template <class Work>
  void measure(const std::string& what, Work work) {
    const auto start = Clock::now();
    work();
    add(what, std::chrono::duration<double, std::micro>(Clock::now() - start).count());
  }
  void add(const std::string& what, double us) {
    if (!times_.contains(what)) order_.push_back(what);
    times_[what].push_back(us);
  }
  void print() {
    for (const std::string& what : order_) {
      auto& all = times_[what];
      std::ranges::sort(all);
      std::printf("%-48s median %8.0f us   p99 %8.0f us   %zu times\n", what.c_str(), all[all.size() / 2],
                  all[all.size() * 99 / 100], all.size());
    }
  }

 private:
  std::vector<std::string> order_;
  std::map<std::string, std::vector<double>> times_;
};

void own_machine() {
  if (::unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
      ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0) {
    std::perror("unshare");
    std::exit(1);
  }
}

PortRequest port_request(std::uint16_t port) {
  return {.container_port = 80, .first_host_port = port, .last_host_port = port};
}

// A container alone, as often as asked.
void one_by_one(Networks& networks, Times& times, int count) {
  for (int i = 0; i < count; ++i) {
    const std::string key = "one" + std::to_string(i);
    const PortRequest port = port_request(8080);
    const auto start = Clock::now();
    times.measure("make sandbox", [&] { (void)MUST(networks.make_sandbox(key)); });
    times.measure("connect", [&] { (void)MUST(networks.connect(key, "bridge", {.container_name = key})); });
    times.measure("publish one port", [&] { (void)MUST(networks.publish(key, std::span(&port, 1))); });
    times.add("all three", std::chrono::duration<double, std::micro>(Clock::now() - start).count());
    times.measure("connect to a second network",
                  [&] { (void)MUST(networks.connect(key, "second", {.container_name = key})); });
    times.measure("disconnect from it", [&] { MUST(networks.disconnect(key, "second")); });
    times.measure("remove sandbox", [&] { MUST(networks.remove_sandbox(key)); });
  }
}

// The same with names, which needs the name service in the sandbox.
void with_names(Networks& networks, Times& times, int count) {
  for (int i = 0; i < count; ++i) {
    const std::string key = "named" + std::to_string(i);
    const auto start = Clock::now();
    (void)MUST(networks.make_sandbox(key));
    (void)MUST(networks.connect(key, "second", {.container_name = key}));
    times.add("sandbox on a network with names",
              std::chrono::duration<double, std::micro>(Clock::now() - start).count());
    MUST(networks.remove_sandbox(key));
  }
}

void floor(Times& times, const std::string& dir, int count) {
  auto host = MUST(kernel::RouteSocket::open());
  kernel::RouteBatch bridge;
  bridge.add_bridge("floor0", {2, 0, 0, 0, 0, 1}, 1500);
  MUST(host.run(bridge));
  const unsigned index = MUST(host.find_link("floor0"))->index;
  for (int i = 0; i < count; ++i) {
    const std::string path = dir + "/floor" + std::to_string(i);
    times.measure("floor: namespace, veth, address, route", [&] {
      const UniqueFd ns = MUST(kernel::make_network_namespace(path, -1, [] { return Result<void>(); }));
      kernel::RouteBatch veth;
      veth.add_veth({.name = "floorv",
                     .master = index,
                     .peer_name = "eth0",
                     .peer_namespace = ns.get(),
                     .peer_mac = {2, 0, 0, 0, 0, 2}});
      MUST(host.run(veth));
      MUST(kernel::run_in_network_namespace(ns.get(), [&]() -> Result<void> {
        auto inside = TRY(kernel::RouteSocket::open());
        const unsigned eth0 = TRY(inside.find_link("eth0"))->index;
        kernel::RouteBatch batch;
        batch.set_up("lo");
        batch.set_up("eth0");
        batch.add_address(eth0, *kernel::IpPrefix::parse("10.200.0.2/24"));
        batch.add_route({.destination = *kernel::IpPrefix::parse("0.0.0.0/0"),
                         .gateway = kernel::IpAddress::parse("10.200.0.1")});
        return inside.run(batch);
      }));
    });
    times.measure("floor: removal", [&] {
      kernel::RouteBatch veth;
      veth.delete_link("floorv");
      MUST(host.run(veth));
      MUST(kernel::remove_network_namespace(path));
    });
  }
}

void many_ports(Networks& networks, Times& times) {
  constexpr int kPorts = 1000;
  (void)MUST(networks.make_sandbox("many"));
  (void)MUST(networks.connect("many", "bridge", {}));
  std::vector<PortRequest> requests;
  for (int i = 0; i < kPorts; ++i) requests.push_back(port_request(static_cast<std::uint16_t>(20000 + i)));
  times.measure("publish 1000 ports at once", [&] { (void)MUST(networks.publish("many", requests)); });
  (void)MUST(networks.make_sandbox("last"));
  (void)MUST(networks.connect("last", "bridge", {}));
  for (int i = 0; i < 100; ++i) {
    const PortRequest port = port_request(8081);
    times.measure("publish one port beside 1000",
                  [&] { (void)MUST(networks.publish("last", std::span(&port, 1))); });
    times.measure("unpublish it", [&] { MUST(networks.unpublish("last")); });
  }
  times.measure("remove the sandbox with 1000 ports", [&] { MUST(networks.remove_sandbox("many")); });
  MUST(networks.remove_sandbox("last"));
}

void at_once(Networks& networks, Times& times) {
  constexpr int kContainers = 200;
  constexpr int kThreads = 16;
  const auto everywhere = [&](auto work) {
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&, t] {
        for (int i = t; i < kContainers; i += kThreads) work("many" + std::to_string(i));
      });
    for (std::thread& thread : threads) thread.join();
  };
  times.measure("200 sandboxes made and connected, 16 threads", [&] {
    everywhere([&](const std::string& key) {
      (void)MUST(networks.make_sandbox(key));
      (void)MUST(networks.connect(key, "bridge", {}));
    });
  });
  times.measure("200 sandboxes removed, 16 threads",
                [&] { everywhere([&](const std::string& key) { MUST(networks.remove_sandbox(key)); }); });
}

}  // namespace
}  // namespace gantry::network

int main(int argc, char** argv) {
  using namespace gantry;
  using namespace gantry::network;
  own_machine();
  const int count = argc > 1 ? std::atoi(argv[1]) : 200;
  const testing::TempDir dir;
  Logger log(STDERR_FILENO);
  auto networks = MUST(Networks::open({.root = dir / "root", .run = dir / "run", .log = &log}));
  MUST(networks->reconcile({}));
  (void)MUST(networks->create({.name = "second"}));
  Times times;
  one_by_one(*networks, times, count);
  with_names(*networks, times, count);
  floor(times, dir.path(), count);
  many_ports(*networks, times);
  at_once(*networks, times);
  times.print();
}
