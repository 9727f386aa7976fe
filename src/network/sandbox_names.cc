// SPDX-License-Identifier: Apache-2.0
//
// What the name service is told: the names of each network, and the networks of each sandbox.
#include <algorithm>

#include "network/name_redirect.h"
#include "network/networks_state.h"

namespace gantry::network {
namespace {

in_addr address4(const IpAddress& address) {
  in_addr made;
  std::memcpy(&made, address.bytes().data(), sizeof made);
  return made;
}

in6_addr address6(const IpAddress& address) {
  in6_addr made;
  std::memcpy(&made, address.bytes().data(), sizeof made);
  return made;
}

NamedEndpoint named(const EndpointRecord& endpoint) {
  const EndpointSettings& settled = endpoint.settings;
  NamedEndpoint made{.owner = name_for_people(endpoint), .names = settled.dns_names};
  if (const auto v4 = IpAddress::parse(settled.ip_address)) made.ipv4.push_back(address4(*v4));
  if (const auto v6 = IpAddress::parse(settled.global_ipv6_address)) made.ipv6.push_back(address6(*v6));
  return made;
}

// "container" or "container:alias".
std::map<std::string, std::string> links_of(const EndpointRecord& endpoint) {
  std::map<std::string, std::string> links;
  for (const std::string& link : endpoint.settings.links) {
    const std::size_t colon = link.find(':');
    const std::string name = link.substr(0, colon);
    links.emplace(colon == std::string::npos ? name : link.substr(colon + 1), name);
  }
  return links;
}

}  // namespace

void Networks::State::publish_names(const NetworkObject& network) {
  if (!names) return;
  std::vector<NamedEndpoint> endpoints;
  for (const auto& [key, endpoint] : network.endpoints) endpoints.push_back(named(endpoint));
  names->set_names(network.id(), NameTable::make(network.name(), endpoints));
}

Result<void> Networks::State::start_names() {
  if (names) return {};
  names = TRY_DURING(NameServer::start({.host_resolv_conf = options.host_resolv_conf}, log),
                     "start the name service");
  for (const auto& [id, network] : networks)
    if (network.has_names()) publish_names(network);
  return {};
}

// In the order in which their names are tried: the way out first, then by name.
Networks::State::SeenNetworks Networks::State::networks_seen_by(const std::string& key) const {
  std::vector<std::pair<const NetworkObject*, const EndpointRecord*>> seen;
  for (const auto& [id, network] : networks)
    if (const auto found = network.endpoints.find(key);
        network.has_names() && found != network.endpoints.end())
      seen.emplace_back(&network, &found->second);
  const NetworkObject* const gateway = gateway_of(key, true).network;
  std::ranges::sort(seen, {}, [&](const auto& each) {
    return std::pair(each.first != gateway, std::string_view(each.first->name()));
  });
  SeenNetworks result{.forwards = std::ranges::any_of(networks, [&](const auto& each) {
                        return each.second.has_interfaces() && !each.second.is_internal() &&
                               each.second.endpoints.contains(key);
                      })};
  for (const auto& [network, endpoint] : seen)
    result.networks.push_back({.id = network->id(), .links = links_of(*endpoint)});
  return result;
}

Result<void> Networks::State::add_names(SandboxObject& object, SeenNetworks seen) {
  SandboxRecord& record = object.record;
  const UniqueFd ns = TRY(open_sandbox_namespace(netns_path(record.key)));
  SandboxNames wanted{.network_namespace = ns.get(),
                      .networks = std::move(seen.networks),
                      .upstreams = record.dns_servers,
                      .forwards = seen.forwards};
  const NamePorts before{.udp = record.name_port_udp, .tcp = record.name_port_tcp};
  if (before.udp != 0) wanted.ports = before;
  auto added = names->add_sandbox(record.key, wanted);
  if (!added && wanted.ports && added.error().code() == Code::AlreadyExists) {
    wanted.ports.reset();  // somebody in there has taken them since: others will do
    added = names->add_sandbox(record.key, wanted);
  }
  const NamePorts ports = TRY(std::move(added));
  object.has_names = true;
  if (ports == before) return {};  // the rules are there since then
  TRY_DURING(redirect_names(ns.get(), ports, before.udp != 0), "lead names to the name service");
  record.name_port_udp = ports.udp;
  record.name_port_tcp = ports.tcp;
  return records.put(record);
}

Result<void> Networks::State::refresh_names(const std::string& key) {
  MutexLock lock(mutex);
  const auto found = sandboxes.find(key);
  if (found == sandboxes.end()) return {};
  SeenNetworks seen = networks_seen_by(key);
  if (seen.networks.empty() && !found->second.has_names) return {};
  TRY(start_names());
  for (const auto& network : seen.networks) publish_names(networks.at(network.id));
  if (found->second.has_names) return names->set_networks(key, std::move(seen.networks), seen.forwards);
  return add_names(found->second, std::move(seen));
}

void Networks::State::forget_names(const std::string& key) {
  MutexLock lock(mutex);
  const auto found = sandboxes.find(key);
  if (found == sandboxes.end() || !found->second.has_names) return;
  names->remove_sandbox(key);
  found->second.has_names = false;
}

bool Networks::has_name_service(const std::string& key) const {
  MutexLock lock(state_->mutex);
  const auto found = state_->sandboxes.find(key);
  return found != state_->sandboxes.end() && found->second.has_names;
}

}  // namespace gantry::network
