// SPDX-License-Identifier: Apache-2.0
//
// Networks in the host's network namespace: bridges, parents of macvlan interfaces, forwarding.
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/file.h"
#include "network/bridge.h"
#include "network/networks_state.h"
#include "network/sysctl.h"

namespace gantry::network {
namespace {

using kernel::RouteBatch;

// A macvlan network without a parent has an interface of its own, which leads nowhere.
std::string own_parent_name(const NetworkObject& network) { return "dm-" + network.id().substr(0, 12); }

// "eth0.50" is the VLAN 50 of eth0.
struct Vlan {
  std::string parent;
  std::uint16_t id = 0;
};
std::optional<Vlan> parse_vlan(const std::string& name) {
  constexpr std::uint16_t kLastId = 4094;
  const std::size_t dot = name.rfind('.');
  if (dot == std::string::npos || dot == 0) return std::nullopt;
  Vlan vlan{.parent = name.substr(0, dot)};
  const char* const end = name.data() + name.size();
  const auto [stop, failure] = std::from_chars(name.data() + dot + 1, end, vlan.id);
  if (failure != std::errc() || stop != end || vlan.id == 0 || vlan.id > kLastId) return std::nullopt;
  return vlan;
}

Result<unsigned> make_parent(kernel::RouteSocket& host, const NetworkObject& network,
                             const std::string& name) {
  RouteBatch batch;
  if (network.settings.parent.empty()) {
    // Its other end is there only to give it a carrier. (Not every kernel has dummy interfaces.)
    const std::string end = "dp-" + name.substr(3);
    batch.add_veth({.name = name, .peer_name = end, .mtu = network.mtu(0)});
    batch.set_up(end);
  } else {
    const auto vlan = parse_vlan(name);
    if (!vlan) return error(Code::NotFound, "there is no interface '{}' to be the parent", name);
    const auto below = TRY(host.find_link(vlan->parent));
    if (!below)
      return error(Code::NotFound, "there is no interface '{}' to be the parent of '{}'", vlan->parent, name);
    batch.add_vlan(name, below->index, vlan->id);
  }
  batch.set_alias(name, owner_mark(network.id()));
  TRY(host.run(batch));
  const auto made = TRY(host.find_link(name));
  if (!made) return error(Code::Unavailable, "interface '{}' was removed as soon as it was made", name);
  return made->index;
}

}  // namespace

Result<void> Networks::State::enable_forwarding(const NetworkObject& network) {
  if (!options.ip_forward || network.is_internal()) return {};
  bool was_off4 = false;
  bool was_off6 = false;
  for (const SubnetAddresses& pool : network.pools) {
    if (pool.subnet().address.is_v4())
      was_off4 |= TRY(enable_forwarding4());
    else
      was_off6 |= TRY(enable_forwarding6());
  }
  if (!was_off4 && !was_off6) return {};
  log.info("forwarding of packets turned on, for networks alone",
           {{"network", network.name()}, {"ipv4", was_off4}, {"ipv6", was_off6}});
  // Remembered until the host restarts, as the kernel does.
  TRY(replace_file_at(AT_FDCWD, options.run + "/forwarding", "turned on by gantryd\n", 0644));
  firewall->drop_foreign();
  return {};
}

Result<unsigned> Networks::State::bring_up_bridge(const NetworkObject& network) {
  MutexLock lock(host_mutex);
  if (ready_bridges[network.id()])
    if (const auto found = TRY(host.find_link(network.bridge_name()))) return found->index;
  const EnsuredBridge bridge = TRY(ensure_bridge(host, network.bridge_plan(options.mtu)));
  if (!ready_bridges[network.id()]) {
    TRY(enable_forwarding(network));
    TRY(firewall->set_bridge(network.bridge_name(), network.bridge_rules()));
    ready_bridges[network.id()] = true;
  }
  return bridge.index;
}

Result<unsigned> Networks::State::find_parent(const NetworkObject& network) {
  MutexLock lock(host_mutex);
  const std::string name =
      network.settings.parent.empty() ? own_parent_name(network) : network.settings.parent;
  const auto found = TRY(host.find_link(name));
  return found ? Result<unsigned>(found->index) : make_parent(host, network, name);
}

Result<void> Networks::State::take_down(const NetworkObject& network) {
  MutexLock lock(host_mutex);
  if (network.is_bridge()) {
    TRY(firewall->remove_bridge(network.bridge_name()));
    ready_bridges.erase(network.id());
    return remove_bridge(host, network.bridge_name(), owner_mark(network.id()));
  }
  if (!network.is_macvlan()) return {};
  const std::string name =
      network.settings.parent.empty() ? own_parent_name(network) : network.settings.parent;
  const auto found = TRY(host.find_link(name));
  if (!found || found->alias != owner_mark(network.id())) return {};
  RouteBatch batch;
  batch.delete_link(name);
  return host.run(batch);
}

// Other daemons of this host choose from the same pools, and the default bridge is made late.
Result<void> Networks::State::settle_default_subnet(NetworkObject& network) {
  if (!network.settings.is_default || !network.endpoints.empty() || !options.bridge_address.empty())
    return {};
  bool is_in_the_way = false;
  {
    MutexLock lock(host_mutex);
    if (TRY(host.find_link(network.bridge_name()))) return {};
    for (const kernel::Route& route : TRY(host.routes()))
      for (const SubnetAddresses& pool : network.pools)
        is_in_the_way |= route.destination.length != 0 && pool.subnet().overlaps(route.destination);
  }
  if (!is_in_the_way) return {};
  NetworkRecord record = network.record;
  record.config.ipam.config.clear();
  TRY(choose_subnets(record.config));
  NetworkObject moved = TRY(NetworkObject::make(std::move(record), network.settings));
  moved.show_gateways();
  TRY(records.put(moved.record));
  network = std::move(moved);
  return {};
}

}  // namespace gantry::network
