// SPDX-License-Identifier: Apache-2.0
//
// Endpoints: a sandbox's connections to networks. An endpoint is recorded before its interface is made, and
// forgotten after it has gone.
#include <fmt/format.h>
#include <linux/if_link.h>

#include <algorithm>

#include "base/random.h"
#include "kernel/network/network_namespace.h"
#include "network/endpoint_options.h"
#include "network/mac_address.h"
#include "network/missing.h"
#include "network/networks_state.h"

namespace gantry::network {
namespace {

constexpr std::size_t kIdBytes = 32;
constexpr std::size_t kShortId = 12;

// What it gets is not taken from what it had before.
EndpointSettings wanted_only(const EndpointSettings& given) {
  return {.ipam_config = given.ipam_config,
          .links = given.links,
          .aliases = given.aliases,
          .mac_address = given.mac_address,
          .driver_opts = given.driver_opts,
          .gw_priority = given.gw_priority};
}

std::vector<std::string> dns_names(const EndpointRecord& endpoint) {
  std::vector<std::string> names;
  const auto add = [&](std::string name) {
    if (!name.empty() && std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
  };
  add(endpoint.container_name);
  for (const std::string& alias : endpoint.settings.aliases) add(alias);
  add(endpoint.container_id.substr(0, kShortId));
  add(endpoint.hostname);
  return names;
}

std::uint32_t mode_of(MacvlanMode mode) {
  switch (mode) {
    case MacvlanMode::Bridge: return MACVLAN_MODE_BRIDGE;
    case MacvlanMode::Private: return MACVLAN_MODE_PRIVATE;
    case MacvlanMode::Vepa: return MACVLAN_MODE_VEPA;
    case MacvlanMode::Passthru: return MACVLAN_MODE_PASSTHRU;
  }
  return MACVLAN_MODE_BRIDGE;
}

EndpointRecord record_of(const std::string& key, const NetworkObject& network,
                         const ConnectRequest& request) {
  return {.network = network.id(),
          .key = key,
          .container_id = request.container_id.empty() ? key : request.container_id,
          .container_name = request.container_name,
          .hostname = request.hostname,
          .settings = wanted_only(request.wanted)};
}

}  // namespace

// The lowest number that none of the sandbox's interfaces of that kind of name has, unless one is named.
Result<std::string> Networks::State::choose_interface(const NetworkObject& network,
                                                      const EndpointRecord& endpoint) {
  std::vector<std::string> taken;
  for (const auto& [id, other] : networks)
    if (const auto found = other.endpoints.find(endpoint.key); found != other.endpoints.end())
      taken.push_back(found->second.interface);
  const auto is_taken = [&](const std::string& name) {
    return std::ranges::find(taken, name) != taken.end();
  };
  const EndpointOptions given = TRY(parse_endpoint_options(endpoint.settings.driver_opts));
  if (!given.interface.empty()) {
    if (is_taken(given.interface))
      return error(Code::AlreadyExists, "interface '{}' exists already in the sandbox", given.interface);
    return given.interface;
  }
  for (unsigned number = 0;; ++number)
    if (std::string name = fmt::format("{}{}", network.settings.interface_prefix, number); !is_taken(name))
      return name;
}

Result<void> Networks::State::register_endpoint(NetworkObject& network, EndpointRecord& endpoint) {
  if (network.endpoints.contains(endpoint.key))
    return error(Code::PermissionDenied, "endpoint with name {} already exists in network {}",
                 name_for_people(endpoint), network.name());
  endpoint.settings.network_id = network.id();
  endpoint.settings.endpoint_id = random_hex(kIdBytes);
  if (network.has_interfaces()) {
    TRY(sandbox(endpoint.key));
    endpoint.interface = TRY(choose_interface(network, endpoint));
    // As long as an interface's name may be.
    if (network.is_bridge()) endpoint.host_interface = "veth" + endpoint.settings.endpoint_id.substr(0, 11);
    if (network.settings.is_default) TRY(settle_default_subnet(network));
    TRY(network.assign(endpoint));
    if (network.has_names()) endpoint.settings.dns_names = dns_names(endpoint);
  }
  auto recorded = records.put(endpoint);
  if (!recorded) {
    network.give_back(endpoint);
    return recorded;
  }
  network.endpoints.emplace(endpoint.key, endpoint);
  return {};
}

Result<void> Networks::State::forget_endpoint(NetworkObject& network, const std::string& key) {
  const auto found = network.endpoints.find(key);
  if (found == network.endpoints.end()) return {};
  TRY(records.remove_endpoint(network.id(), key));
  network.give_back(found->second);
  network.endpoints.erase(found);
  if (network.has_names()) publish_names(network);
  return {};
}

Result<void> Networks::State::plug_bridge(const NetworkObject& network, const EndpointRecord& endpoint,
                                          int ns) {
  const unsigned bridge = TRY(bring_up_bridge(network));
  kernel::RouteBatch batch;
  batch.add_veth({.name = endpoint.host_interface,
                  .master = bridge,
                  .peer_name = endpoint.interface,
                  .peer_namespace = ns,
                  .peer_mac = parse_mac(endpoint.settings.mac_address).value_or(kernel::MacAddress{}),
                  .mtu = network.mtu(options.mtu)});
  // With br_netfilter, what comes back by a published port may leave by the port it came from.
  batch.set_port(endpoint.host_interface, {.is_hairpin = true, .is_isolated = !network.settings.has_icc});
  MutexLock lock(host_mutex);
  return host.run(batch);
}

Result<void> Networks::State::plug_macvlan(const NetworkObject& network, const EndpointRecord& endpoint,
                                           int ns) {
  const unsigned parent = TRY(find_parent(network));
  kernel::RouteBatch batch;
  batch.add_macvlan({.name = endpoint.interface,
                     .parent = parent,
                     .mode = mode_of(network.settings.macvlan_mode),
                     .target_namespace = ns,
                     .mac = parse_mac(endpoint.settings.mac_address).value_or(kernel::MacAddress{}),
                     .mtu = network.settings.mtu});
  MutexLock lock(host_mutex);
  return host.run(batch);
}

Result<void> Networks::State::plug(const NetworkObject& network, const EndpointRecord& endpoint) {
  if (!network.has_interfaces()) return {};
  const UniqueFd ns = TRY(open_sandbox_namespace(netns_path(endpoint.key)));
  if (network.is_bridge()) {
    TRY(plug_bridge(network, endpoint, ns.get()));
  } else {
    TRY(plug_macvlan(network, endpoint, ns.get()));
  }
  return settle(network, endpoint, ns.get());
}

Result<void> Networks::State::settle(const NetworkObject& network, const EndpointRecord& endpoint, int ns) {
  EndpointOptions wanted = TRY(parse_endpoint_options(endpoint.settings.driver_opts));
  return set_up_interface(ns,
                          {.name = endpoint.interface,
                           .addresses = network.addresses_of(endpoint),
                           .announces = network.is_macvlan() || endpoint.has_own_mac,
                           .sysctls = std::move(wanted.sysctls)},
                          default_routes(endpoint.key));
}

Result<void> Networks::State::unplug(const EndpointRecord& endpoint) {
  if (endpoint.interface.empty()) return {};
  // Its other end goes with it.
  if (!endpoint.host_interface.empty()) return link_remover.remove(endpoint.host_interface);
  auto ns = open_sandbox_namespace(netns_path(endpoint.key));
  if (!ns) return ignore_missing(std::move(ns).error());
  kernel::RouteBatch batch;
  batch.delete_link(endpoint.interface);
  return ignore_missing(kernel::run_in_network_namespace(ns->get(), [&]() -> Result<void> {
    auto inside = TRY(kernel::RouteSocket::open());
    return inside.run(batch);
  }));
}

Networks::State::Gateway Networks::State::gateway_of(const std::string& key, bool v4) const {
  Gateway best;
  for (const auto& [id, network] : networks) {
    const auto found = network.endpoints.find(key);
    if (found == network.endpoints.end() || network.is_internal()) continue;
    const EndpointSettings& settled = found->second.settings;
    if ((v4 ? settled.gateway : settled.ipv6_gateway).empty()) continue;
    const auto rank = [](const Gateway& g) {
      return std::pair(-g.endpoint->settings.gw_priority, std::string_view(g.network->name()));
    };
    const Gateway candidate{.network = &network, .endpoint = &found->second};
    if (best.network == nullptr || rank(candidate) < rank(best)) best = candidate;
  }
  return best;
}

std::vector<DefaultRoute> Networks::State::default_routes(const std::string& key) const {
  MutexLock lock(mutex);
  std::vector<DefaultRoute> routes;
  for (const bool v4 : {true, false}) {
    const Gateway gateway = gateway_of(key, v4);
    if (gateway.network == nullptr) continue;
    const EndpointSettings& settled = gateway.endpoint->settings;
    routes.push_back({.gateway = *IpAddress::parse(v4 ? settled.gateway : settled.ipv6_gateway),
                      .interface = gateway.endpoint->interface});
  }
  return routes;
}

Result<void> Networks::State::reroute(const std::string& key) {
  const UniqueFd ns = TRY(open_sandbox_namespace(netns_path(key)));
  return set_default_routes(ns.get(), default_routes(key));
}

Result<void> Networks::State::refresh(const std::string& key) {
  TRY(refresh_names(key));
  return republish(key);
}

Result<EndpointSettings> Networks::connect(const std::string& key, std::string_view ref,
                                           const ConnectRequest& request) {
  State& state = *state_;
  const std::shared_lock shared(state.shared_with_repair);
  const NetworkObject* network = nullptr;  // stays, since it has this endpoint
  EndpointRecord endpoint;
  {
    MutexLock lock(state.mutex);
    NetworkObject& found = *TRY(state.resolve(ref));
    endpoint = record_of(key, found, request);
    TRY_DURING(state.register_endpoint(found, endpoint), "connect '{}' to network '{}'",
               name_for_people(endpoint), found.name());
    network = &found;
  }
  if (!network->has_interfaces()) return endpoint.settings;
  auto connected = state.plug(*network, endpoint);
  if (connected) connected = state.refresh(key);
  if (connected) return endpoint.settings;
  (void)state.disconnect(key, network->id(), true);  // takes back what was done; the reason is what counts
  return std::move(connected).error().during(
      fmt::format("connect '{}' to network '{}'", name_for_people(endpoint), network->name()));
}

Result<void> Networks::State::disconnect(const std::string& key, std::string_view ref, bool force) {
  EndpointRecord endpoint;
  bool has_interfaces = false;
  {
    MutexLock lock(mutex);
    const NetworkObject& network = *TRY(resolve(ref));
    const auto found = network.endpoints.find(key);
    if (found == network.endpoints.end())
      return error(Code::NotFound, "container {} is not connected to network {}", key, network.name());
    endpoint = found->second;
    has_interfaces = network.has_interfaces();
  }
  auto unplugged = unplug(endpoint);
  if (!unplugged && !force) return unplugged;
  {
    MutexLock lock(mutex);
    // Nobody can remove it: it has this endpoint.
    TRY(forget_endpoint(*TRY(resolve(endpoint.network)), key));
  }
  if (!has_interfaces) return {};
  auto refreshed = reroute(key);
  if (refreshed) refreshed = refresh(key);
  return force ? Result<void>() : std::move(refreshed);
}

Result<void> Networks::disconnect(const std::string& key, std::string_view ref, bool force) {
  const std::shared_lock shared(state_->shared_with_repair);
  return state_->disconnect(key, ref, force);
}

std::map<std::string, EndpointSettings> Networks::endpoints_of(const std::string& key) const {
  MutexLock lock(state_->mutex);
  std::map<std::string, EndpointSettings> endpoints;
  for (const auto& [id, network] : state_->networks)
    if (const auto found = network.endpoints.find(key); found != network.endpoints.end())
      endpoints.emplace(network.name(), found->second.settings);
  return endpoints;
}

Result<void> Networks::rename(const std::string& key, const std::string& container_name) {
  State& state = *state_;
  MutexLock lock(state.mutex);
  for (auto& [id, network] : state.networks) {
    const auto found = network.endpoints.find(key);
    if (found == network.endpoints.end()) continue;
    EndpointRecord& endpoint = found->second;
    if (endpoint.container_name == container_name) continue;
    endpoint.container_name = container_name;
    if (network.has_names()) endpoint.settings.dns_names = dns_names(endpoint);
    TRY(state.records.put(endpoint));
    if (network.has_names()) state.publish_names(network);
  }
  return {};
}

}  // namespace gantry::network
