// SPDX-License-Identifier: Apache-2.0
#include "engine/container_network.h"

#include <utility>

#include "engine/joined_container.h"
#include "engine/object_events.h"
#include "engine/pods.h"
#include "engine/port_requests.h"
#include "kernel/namespaces.h"

namespace gantry::engine {

using network::EndpointSettings;

namespace {

Result<std::string> namespace_of_joined(Core& core, std::string_view other) {
  const ContainerRef joined = TRY(core.find(other))->record();
  if (!joined->state.is_running())
    return error(Code::Conflict, "cannot join network of a non running container: {}", joined->id);
  return fmt::format("/proc/{}/ns/net", joined->state.pid);
}

}  // namespace

NetworkKind network_kind(const ContainerSettings& settings) {
  if (!settings.pod.empty()) return NetworkKind::Pod;
  if (settings.host_config.network_mode == "host") return NetworkKind::Host;
  if (joined_container(settings.host_config.network_mode)) return NetworkKind::Joined;
  return NetworkKind::Own;
}

std::string network_name(const Core& core, const std::string& ref) {
  auto name = core.networks.find_name(ref);
  return name ? *std::move(name) : ref;
}

Result<EndpointMap> by_network_name(const Core& core, EndpointMap endpoints) {
  EndpointMap named;
  for (auto& [ref, endpoint] : endpoints) {
    std::string name = network_name(core, ref);
    if (!named.try_emplace(name, std::move(endpoint)).second)
      return error(Code::InvalidArgument, "network '{}' is given by its name and by its id", name);
  }
  return named;
}

Result<std::string> make_network_namespace(Core& core, const ContainerRecord& container,
                                           const std::string& user_namespace) {
  switch (network_kind(*container.settings)) {
    case NetworkKind::Host: return std::string();
    case NetworkKind::Joined:
      return namespace_of_joined(core, *joined_container(container.settings->host_config.network_mode));
    case NetworkKind::Pod: return pod_network_namespace(core, container.settings->pod);
    case NetworkKind::Own: break;
  }
  const std::vector<std::string>& dns = container.settings->host_config.dns;
  UniqueFd owner;
  if (!user_namespace.empty()) owner = TRY(kernel::open_namespace(user_namespace, CLONE_NEWUSER));
  return core.networks.make_sandbox(
      container.id, {.user_namespace = owner.get(), .dns_servers = dns.empty() ? core.options.dns : dns});
}

Result<EndpointSettings> connect_network(Core& core, const ContainerRecord& container,
                                         const std::string& network, const EndpointSettings& wanted) {
  EndpointSettings endpoint = TRY(core.networks.connect(container.id, network,
                                                        {.wanted = wanted,
                                                         .container_id = container.id,
                                                         .container_name = container.name,
                                                         .hostname = container.settings->config.hostname}));
  publish_connection(core, "connect", network, container);
  return endpoint;
}

Result<ContainerNetworks> connect_networks(Core& core, const ContainerRecord& container,
                                           const std::string& path) {
  const NetworkKind kind = network_kind(*container.settings);
  ContainerNetworks networks = without_addresses(*container.networks);
  networks.sandbox_key = path;
  if (kind == NetworkKind::Joined || kind == NetworkKind::Pod) return networks;
  for (const auto& [name, wanted] : networks.wanted)
    networks.endpoints[name] = TRY(connect_network(core, container, name, wanted));
  if (kind == NetworkKind::Host) return networks;
  const container::Config& config = container.settings->config;
  const container::HostConfig& host = container.settings->host_config;
  const auto requests = TRY(port_requests(host.port_bindings, config.exposed_ports, host.publish_all_ports));
  std::vector<network::PublishedPort> published;
  if (!requests.empty()) published = TRY(core.networks.publish(container.id, requests));
  networks.ports = port_map(published, config.exposed_ports);
  // The addresses may have changed with what came later: which network has the default gateway.
  for (auto& [name, endpoint] : core.networks.endpoints_of(container.id))
    networks.endpoints.insert_or_assign(name, std::move(endpoint));
  return networks;
}

Result<void> remove_networks(Core& core, const ContainerRecord& container) {
  const NetworkKind kind = network_kind(*container.settings);
  if (kind != NetworkKind::Own && kind != NetworkKind::Host) return {};
  TRY(core.networks.remove_sandbox(container.id));
  for (const auto& [name, endpoint] : container.networks->endpoints)
    if (!endpoint.endpoint_id.empty()) publish_connection(core, "disconnect", name, container);
  return {};
}

Result<std::string> sandbox_of(Core& core, const ContainerRecord& container) {
  if (!container.state.is_running())
    return error(Code::Conflict, "container {} is not running", container.id);
  const ContainerSettings& settings = *container.settings;
  switch (network_kind(settings)) {
    case NetworkKind::Own: return container.id;
    case NetworkKind::Host: return std::string();
    case NetworkKind::Pod: {
      const ContainerRecord pod = pod_as_container(*TRY(core.pods.find(settings.pod))->record());
      return network_kind(*pod.settings) == NetworkKind::Host ? std::string() : pod.id;
    }
    case NetworkKind::Joined: break;
  }
  const auto joined = TRY(core.find(*joined_container(settings.host_config.network_mode)));
  return sandbox_of(core, *joined->record());
}

ContainerNetworks without_addresses(const ContainerNetworks& networks) {
  return {.wanted = networks.wanted, .endpoints = networks.wanted};
}

Result<void> save_networks(Core& core, Container& container, ContainerNetworks networks) {
  TRY(core.database.save_networks(container.number, networks));
  ContainerRecord record = *container.record();
  record.networks = std::make_shared<const ContainerNetworks>(std::move(networks));
  container.publish(std::move(record));
  return {};
}

void publish_connection(Core& core, std::string_view action, const std::string& network,
                        const ContainerRecord& container) {
  // One that was removed meanwhile: nobody asks for its events any more.
  if (const auto found = core.networks.find(network))
    publish_connection_event(core.events, action, *found, container.id);
}

}  // namespace gantry::engine
