// SPDX-License-Identifier: Apache-2.0
//
// Published ports: which host addresses and ports lead to which endpoint.
#include <fmt/format.h>

#include <algorithm>

#include "network/networks_state.h"

namespace gantry::network {
namespace {

struct Target {
  IpAddress address;
  IpAddress host;  // where requests go that name no address
  bool is_routed = false;
  bool has_trusted = false;  // interfaces that reach it directly
};

bool is_routed(GatewayMode mode) { return mode == GatewayMode::Routed; }

// The host's addresses that a request means, as far as the sandbox can be reached by that version.
Result<std::vector<IpAddress>> addresses_of(const PortRequest& request, const std::optional<Target>& v4,
                                            const std::optional<Target>& v6) {
  std::vector<IpAddress> addresses;
  if (request.host_ip.empty()) {
    for (const auto& target : {v4, v6})
      if (target && !target->is_routed) addresses.push_back(target->host);
    return addresses;
  }
  const auto address = IpAddress::parse(request.host_ip);
  if (!address) return error(Code::InvalidArgument, "invalid host address '{}'", request.host_ip);
  if (address->is_v4() ? v4.has_value() : v6.has_value()) addresses.push_back(*address);
  if (addresses.empty())
    return error(Code::InvalidArgument, "cannot publish port {} at '{}': the container has no {} address",
                 request.container_port, request.host_ip, address->is_v4() ? "IPv4" : "IPv6");
  return addresses;
}

Result<void> check(const PortRequest& request) {
  if (request.container_port == 0) return error(Code::InvalidArgument, "port 0 cannot be published");
  if (request.first_host_port > request.last_host_port ||
      (request.first_host_port == 0) != (request.last_host_port == 0))
    return error(Code::InvalidArgument, "invalid range of host ports {}-{}", request.first_host_port,
                 request.last_host_port);
  return {};
}

void add_port(Publication& publication, const PortRequest& request, const IpAddress& host, std::uint16_t port,
              const Target& target) {
  publication.ports.push_back({.protocol = request.protocol,
                               .container_port = request.container_port,
                               .host_ip = host.str(),
                               .host_port = port});
  publication.rules.push_back({.protocol = request.protocol,
                               .address = host,
                               .port = port,
                               .to = target.address,
                               .to_port = request.container_port});
}

// The endpoint's own address, where it may be reached: in a routed network, and by trusted interfaces.
void open_directly(Publication& publication, const PortRequest& request, const Target& target) {
  if (!target.is_routed && !target.has_trusted) return;
  const PortRule rule{.protocol = request.protocol,
                      .to = target.address,
                      .to_port = request.container_port,
                      .is_routed = true,
                      .is_trusted = !target.is_routed};
  // Published twice, it is opened once.
  if (std::ranges::find(publication.rules, rule) == publication.rules.end())
    publication.rules.push_back(rule);
}

}  // namespace

Result<Publication> Networks::State::plan_ports(const std::string& key, std::span<const PortRequest> requests,
                                                std::span<const PublishedPort> before) {
  const auto target_of = [&](bool v4) REQUIRES(mutex) -> std::optional<Target> {
    const Gateway gateway = gateway_of(key, v4);
    if (gateway.network == nullptr || !gateway.network->is_bridge()) return std::nullopt;
    const EndpointSettings& settled = gateway.endpoint->settings;
    const NetworkSettings& network = gateway.network->settings;
    return Target{.address = *IpAddress::parse(v4 ? settled.ip_address : settled.global_ipv6_address),
                  .host = v4 ? network.host_binding : IpAddress::v6(0),
                  .is_routed = is_routed(v4 ? network.mode4 : network.mode6),
                  .has_trusted = !network.trusted_interfaces.empty()};
  };
  const auto v4 = target_of(true);
  const auto v6 = target_of(false);
  Publication publication;
  if (!v4 && !v6) return publication;
  const Gateway gateway = gateway_of(key, v4.has_value());
  const std::string owner = name_for_people(*gateway.endpoint);
  for (const PortRequest& request : requests) {
    const std::vector<IpAddress> addresses = TRY(addresses_of(request, v4, v6));
    for (const auto& target : {v4, v6})
      if (target) open_directly(publication, request, *target);
    if (addresses.empty()) continue;
    // A port that it had already it keeps.
    const auto had = std::ranges::find_if(before, [&](const PublishedPort& port) {
      const bool in_range = request.first_host_port == 0 || (port.host_port >= request.first_host_port &&
                                                             port.host_port <= request.last_host_port);
      return port.protocol == request.protocol && port.container_port == request.container_port && in_range;
    });
    const bool has_had = had != before.end();
    auto reservation = TRY(host_ports.reserve(request.protocol, addresses,
                                              has_had ? had->host_port : request.first_host_port,
                                              has_had ? had->host_port : request.last_host_port, owner));
    for (const IpAddress& host_address : addresses)
      add_port(publication, request, host_address, reservation.port(), host_address.is_v4() ? *v4 : *v6);
    publication.reservations.push_back(std::move(reservation));
  }
  return publication;
}

// The record is written before the kernel has the new, and still has the old: rules that are in neither are
// found at the next start, since the whole table is made anew then.
Result<void> Networks::State::apply(SandboxObject& object, Publication publication) {
  std::vector<PortRule> gone;
  for (const PortRule& rule : object.record.rules)
    if (std::ranges::find(publication.rules, rule) == publication.rules.end()) gone.push_back(rule);
  object.record.ports = std::move(publication.ports);
  object.record.rules = std::move(publication.rules);
  TRY(records.put(object.record));
  TRY(firewall->remove_ports(gone));
  TRY(firewall->add_ports(object.record.rules));
  object.reservations = std::move(publication.reservations);
  return {};
}

Result<std::vector<PublishedPort>> Networks::publish(const std::string& key,
                                                     std::span<const PortRequest> ports) {
  State& state = *state_;
  for (const PortRequest& request : ports) TRY(check(request));
  const std::shared_lock shared(state.shared_with_repair);
  MutexLock lock(state.mutex);
  SandboxObject& sandbox = *TRY(state.sandbox(key));
  if (!sandbox.record.requests.empty())
    return error(Code::AlreadyExists, "the ports of '{}' are published already", key);
  auto publication = TRY(state.plan_ports(key, ports, {}));
  sandbox.record.requests.assign(ports.begin(), ports.end());
  auto applied = state.apply(sandbox, std::move(publication));
  if (applied) return sandbox.record.ports;
  sandbox.record.requests.clear();
  (void)state.apply(sandbox, {});  // the first reason is the one that counts
  return std::move(applied).error();
}

// Whether the rules still lead to addresses of this sandbox.
bool Networks::State::leads_home(const std::string& key, std::span<const PortRule> rules) const {
  return std::ranges::all_of(rules, [&](const PortRule& rule) REQUIRES(mutex) {
    const std::string address = rule.to.str();
    return std::ranges::any_of(networks, [&](const auto& each) {
      const auto found = each.second.endpoints.find(key);
      return found != each.second.endpoints.end() && (found->second.settings.ip_address == address ||
                                                      found->second.settings.global_ipv6_address == address);
    });
  });
}

Result<void> Networks::State::republish(const std::string& key) {
  MutexLock lock(mutex);
  const auto found = sandboxes.find(key);
  if (found == sandboxes.end() || found->second.record.requests.empty()) return {};
  SandboxObject& object = found->second;
  object.reservations.clear();  // most of the new ports are the old ones
  auto publication = plan_ports(key, object.record.requests, object.record.ports);
  if (publication) return apply(object, *std::move(publication));
  // A program of the host may have got a port while no daemon held it: packets come to us all the same.
  if (!leads_home(key, object.record.rules)) TRY(apply(object, {}));
  return std::move(publication).error();
}

Result<void> Networks::State::unpublish(const std::string& key) {
  MutexLock lock(mutex);
  const auto found = sandboxes.find(key);
  if (found == sandboxes.end() || found->second.record.requests.empty()) return {};
  found->second.record.requests.clear();
  return apply(found->second, {});
}

Result<void> Networks::unpublish(const std::string& key) {
  const std::shared_lock shared(state_->shared_with_repair);
  return state_->unpublish(key);
}

std::vector<PublishedPort> Networks::ports_of(const std::string& key) const {
  MutexLock lock(state_->mutex);
  const auto found = state_->sandboxes.find(key);
  return found == state_->sandboxes.end() ? std::vector<PublishedPort>() : found->second.record.ports;
}

}  // namespace gantry::network
