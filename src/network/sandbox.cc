// SPDX-License-Identifier: Apache-2.0
#include "network/sandbox.h"

#include <sched.h>

#include <algorithm>

#include "kernel/namespaces.h"
#include "kernel/network/network_namespace.h"
#include "kernel/network/route_socket.h"
#include "network/sysctl.h"

namespace gantry::network {
namespace {

using kernel::IpAddress;
using kernel::RouteBatch;
using kernel::RouteSocket;

Result<void> set_user_sysctl(const std::string& name, const std::string& value) {
  constexpr std::string_view kPrefix = "net.";
  if (!name.starts_with(kPrefix))
    return error(Code::InvalidArgument, "sysctl '{}' is not one of a network namespace", name);
  std::string path = name.substr(kPrefix.size());
  std::ranges::replace(path, '.', '/');
  if (path.find("//") != std::string::npos) return error(Code::InvalidArgument, "invalid sysctl '{}'", name);
  return write_sysctl(path, value);
}

Result<void> bring_loopback_up() {
  RouteSocket inside = TRY(RouteSocket::open());
  RouteBatch batch;
  batch.set_up("lo");
  return inside.run(batch);
}

Result<kernel::Link> find(RouteSocket& inside, const std::string& name) {
  auto found = TRY(inside.find_link(name));
  if (!found) return error(Code::NotFound, "the sandbox has no interface '{}'", name);
  return *std::move(found);
}

bool has_ipv6_address(const InterfacePlan& plan) {
  return std::ranges::any_of(plan.addresses, [](const auto& prefix) { return !prefix.address.is_v4(); });
}

std::string path_for(std::string path, const std::string& interface) {
  constexpr std::string_view kPlaceholder = "IFNAME";
  return path.replace(path.find(kPlaceholder), kPlaceholder.size(), interface);
}

Result<void> set_up_inside(RouteSocket& inside, const InterfacePlan& plan) {
  const kernel::Link link = TRY(find(inside, plan.name));
  if (has_ipv6_address(plan)) TRY(ensure_sysctl("ipv6/conf/" + plan.name + "/disable_ipv6", "0"));
  if (plan.announces) TRY(ensure_sysctl("ipv4/conf/" + plan.name + "/arp_notify", "1"));
  for (const auto& [path, value] : plan.sysctls) TRY(ensure_sysctl(path_for(path, plan.name), value));
  const auto present = TRY(inside.addresses(link.index));
  RouteBatch batch;
  for (const kernel::IpPrefix& address : plan.addresses)
    if (std::ranges::none_of(present, [&](const auto& other) { return other.address == address; }))
      batch.add_address(link.index, address);
  if (!link.is_up) batch.set_up(plan.name);
  return inside.run(batch);
}

Result<void> set_routes_inside(RouteSocket& inside, std::span<const DefaultRoute> wanted) {
  RouteBatch batch;
  std::vector<kernel::Route> routes;
  for (const DefaultRoute& route : wanted) {
    const IpAddress any = route.gateway.is_v4() ? IpAddress::v4(0) : IpAddress::v6(0);
    // One that is still to be made, or made again, sets the routes once more.
    const auto link = TRY(inside.find_link(route.interface));
    if (link) routes.push_back({.destination = {any, 0}, .gateway = route.gateway, .link = link->index});
  }
  for (const kernel::Route& route : TRY(inside.routes())) {
    const bool stays = std::ranges::any_of(routes, [&](const kernel::Route& other) {
      return other.gateway == route.gateway && other.link == route.link;
    });
    if (route.destination.length == 0 && route.gateway && !stays) batch.delete_route(route);
  }
  for (const kernel::Route& route : routes) batch.add_route(route);
  return inside.run(batch);
}

}  // namespace

Result<void> make_sandbox_namespace(const std::string& path, int user_namespace,
                                    const std::map<std::string, std::string>& sysctls) {
  const auto prepare = [&]() -> Result<void> {
    TRY(bring_loopback_up());
    // Interfaces get IPv6 when they have an address of it: no neighbour discovery for nothing.
    if (has_ipv6()) TRY(write_sysctl("ipv6/conf/default/disable_ipv6", "1"));
    for (const auto& [name, value] : sysctls) TRY(set_user_sysctl(name, value));
    return {};
  };
  TRY_DURING(kernel::make_network_namespace(path, user_namespace, prepare), "make network namespace");
  return {};
}

Result<UniqueFd> open_sandbox_namespace(const std::string& path) {
  return kernel::open_namespace(path, CLONE_NEWNET);
}

Result<void> set_up_interface(int network_namespace, const InterfacePlan& plan,
                              std::span<const DefaultRoute> routes) {
  return kernel::run_in_network_namespace(network_namespace, [&]() -> Result<void> {
    RouteSocket inside = TRY(RouteSocket::open());
    TRY(set_up_inside(inside, plan));
    return set_routes_inside(inside, routes);
  });
}

Result<void> set_default_routes(int network_namespace, std::span<const DefaultRoute> routes) {
  return kernel::run_in_network_namespace(network_namespace, [&]() -> Result<void> {
    RouteSocket inside = TRY(RouteSocket::open());
    return set_routes_inside(inside, routes);
  });
}

}  // namespace gantry::network
