// SPDX-License-Identifier: Apache-2.0
#include "network/bridge.h"

#include <algorithm>

#include "network/mac_address.h"
#include "network/sysctl.h"

namespace gantry::network {
namespace {

using kernel::Link;
using kernel::RouteBatch;
using kernel::RouteSocket;

// For the name in /proc/sys; set before the bridge gets addresses.
Result<void> set_sysctls(const BridgePlan& plan) {
  // Packets from 127.0.0.1 to published ports leave by the bridge, and the answers come back.
  TRY(ensure_sysctl("ipv4/conf/" + plan.name + "/route_localnet", "1"));
  if (!has_ipv6()) return {};
  const std::string v6 = "ipv6/conf/" + plan.name;
  // Endpoints announce no routers to us.
  TRY(ensure_sysctl(v6 + "/accept_ra", "0"));
  return ensure_sysctl(v6 + "/disable_ipv6", plan.has_ipv6 ? "0" : "1");
}

Result<void> add_missing_addresses(RouteSocket& host, unsigned index, const BridgePlan& plan) {
  const std::vector<kernel::LinkAddress> present = TRY(host.addresses(index));
  RouteBatch batch;
  for (const kernel::IpPrefix& address : plan.addresses) {
    const bool is_there =
        std::ranges::any_of(present, [&](const auto& other) { return other.address == address; });
    if (!is_there) batch.add_address(index, address);
  }
  return host.run(batch);
}

Result<Link> make(RouteSocket& host, const BridgePlan& plan) {
  RouteBatch batch;
  batch.add_bridge(plan.name, random_mac(), plan.mtu);
  batch.set_alias(plan.name, plan.owner);
  TRY(host.run(batch));
  auto made = TRY(host.find_link(plan.name));
  if (!made) return error(Code::Unavailable, "bridge '{}' was removed as soon as it was made", plan.name);
  return *std::move(made);
}

Result<void> check(const Link& link, const BridgePlan& plan) {
  if (link.kind == "bridge" && (link.alias == plan.owner || plan.may_adopt)) return {};
  if (link.kind != "bridge")
    return error(Code::AlreadyExists, "interface '{}' exists and is no bridge", plan.name);
  return error(Code::AlreadyExists,
               "bridge '{}' exists and belongs to somebody else (its alias is '{}'): remove it or choose "
               "another name",
               plan.name, link.alias);
}

}  // namespace

Result<EnsuredBridge> ensure_bridge(RouteSocket& host, const BridgePlan& plan) {
  auto found = TRY(host.find_link(plan.name));
  const bool is_new = !found;
  if (is_new) found = TRY(make(host, plan));
  TRY(check(*found, plan));
  TRY_DURING(set_sysctls(plan), "set up bridge '{}'", plan.name);
  TRY_DURING(add_missing_addresses(host, found->index, plan), "set up bridge '{}'", plan.name);
  RouteBatch batch;
  if (!found->is_up) batch.set_up(plan.name);
  // What route_localnet is for IPv4: answers to connections from ::1 come in by the bridge, where the kernel
  // looks for ::1 on that interface alone. (Packets that bear it on the wire it drops before.)
  if (plan.has_ipv6) batch.add_local_route(found->index, kernel::IpAddress::v6(1));
  TRY(host.run(batch));
  return EnsuredBridge{.index = found->index, .is_new = is_new};
}

Result<void> remove_bridge(RouteSocket& host, const std::string& name, const std::string& owner) {
  const auto found = TRY(host.find_link(name));
  if (!found || found->alias != owner) return {};
  RouteBatch batch;
  batch.delete_link(name);
  return host.run(batch);
}

}  // namespace gantry::network
