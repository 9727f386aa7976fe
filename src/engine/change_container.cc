// SPDX-License-Identifier: Apache-2.0
#include "engine/change_container.h"

#include <utility>

#include "container/check.h"
#include "container/make_spec.h"
#include "engine/container_events.h"
#include "engine/container_files.h"
#include "engine/container_network.h"
#include "engine/names.h"
#include "engine/restart_policy.h"
#include "engine/runtime_program.h"
#include "engine/undo.h"

namespace gantry::engine {

namespace {

Result<network::Network> find_network(Core& core, std::string_view ref) { return core.networks.find(ref); }

Result<void> check_may_connect(const ContainerRecord& container, const std::string& network) {
  switch (network_kind(*container.settings)) {
    case NetworkKind::Own: break;
    case NetworkKind::Host:
      return error(Code::PermissionDenied,
                   "container cannot be disconnected from host network or connected to host network");
    case NetworkKind::Joined:
    case NetworkKind::Pod:
      return error(
          Code::PermissionDenied,
          "container sharing network namespace with another container or host cannot be connected to "
          "any other network");
  }
  if (network == "host")
    return error(Code::PermissionDenied,
                 "container cannot be disconnected from host network or connected to host network");
  if (container.networks->wanted.contains("none") ||
      (network == "none" && !container.networks->wanted.empty()))
    return error(
        Code::PermissionDenied,
        "container cannot be connected to multiple networks with one of the networks in private (none) "
        "mode");
  return {};
}

}  // namespace

Result<void> rename_container(Core& core, Container& container, std::string_view wanted) {
  ContainerRecord record = *container.record();
  if (wanted.empty()) return error(Code::InvalidArgument, "New name cannot be empty");
  const std::string full = wanted.starts_with('/') ? std::string(wanted) : fmt::format("/{}", wanted);
  const std::string name = TRY_DURING(check_name(full), "Error when allocating new name");
  if (name == record.name)
    return error(Code::Conflict, "Renaming a container with the same name as its current name");
  TRY_DURING(core.containers.reserve_name(name, record.id), "Error when allocating new name");
  Undo release([&] { core.containers.release_name(name); });
  TRY(core.database.save_name(container.number, name));
  if (network_kind(*record.settings) == NetworkKind::Own && record.state.is_running())
    TRY(core.networks.rename(record.id, name));
  release.dismiss();
  const std::string old_name = std::exchange(record.name, name);
  container.publish(record);
  core.containers.release_name(old_name);
  publish_event(core.events, record, "rename", {{"oldName", "/" + old_name}});
  return {};
}

Result<std::vector<std::string>> update_container(Core& core, Container& container,
                                                  const UpdateRequest& request) {
  ContainerRecord record = *container.record();
  const std::string what = fmt::format("Cannot update container {}", record.id);
  if (record.state.status == Status::Removing || record.state.status == Status::Dead)
    return error(Code::Conflict, "{}: Container is marked for removal and cannot be \"update\".", what);
  auto settings = std::make_shared<ContainerSettings>(*record.settings);
  container::HostConfig& host = settings->host_config;
  if (request.restart_policy) {
    const RestartRule rule = TRY(check_restart_policy(*request.restart_policy));
    if (rule != RestartRule::No && host.auto_remove)
      return error(Code::InvalidArgument,
                   "{}: Restart policy cannot be updated because AutoRemove is enabled for the container",
                   what);
    host.restart_policy = *request.restart_policy;
  }
  auto warnings = container::update_resources(host, request.resources, core.facts);
  if (!warnings) {
    // What contradicts the settings it has is the container's trouble; the rest is wrong by itself.
    const bool is_conflict = warnings.error().code() == Code::Conflict;
    return is_conflict ? std::move(warnings).error().during(what) : std::move(warnings).error();
  }
  if (record.state.is_running() && request.resources != container::Resources()) {
    const oci::Resources limits = TRY(container::make_update(request.resources));
    TRY_DURING(update_limits(core, record, limits), "{}", what);
  }
  TRY(core.database.save_settings(container.number, *settings));
  if (request.restart_policy) container.restarts.set_policy(host.restart_policy);
  record.settings = std::move(settings);
  container.publish(record);
  publish_event(core.events, record, "update");
  return warnings;
}

Result<void> connect_container(Core& core, Container& container, std::string_view ref,
                               network::EndpointSettings settings) {
  const ContainerRef record = container.record();
  const network::Network network = TRY(find_network(core, ref));
  const std::string& name = network.config.name;
  TRY(check_may_connect(*record, name));
  if (record->networks->wanted.contains(name))
    return error(Code::PermissionDenied, "endpoint with name {} already exists in network {}", record->name,
                 name);
  ContainerNetworks networks = *record->networks;
  networks.wanted[name] = settings;
  networks.endpoints[name] = settings;
  if (!record->state.is_running()) return save_networks(core, container, std::move(networks));
  networks.endpoints[name] = TRY(connect_network(core, *record, name, settings));
  Undo disconnect([&] { (void)core.networks.disconnect(record->id, name, true); });
  TRY(write_hosts(core, *record, networks));
  TRY(save_networks(core, container, std::move(networks)));
  disconnect.dismiss();
  return {};
}

Result<void> disconnect_container(Core& core, Container& container, std::string_view ref, bool force) {
  const ContainerRef record = container.record();
  auto network = find_network(core, ref);
  const std::string name = network ? network->config.name : std::string(ref);
  if (network_kind(*record->settings) == NetworkKind::Host || name == "host")
    return error(Code::PermissionDenied,
                 "container cannot be disconnected from host network or connected to host network");
  if (!record->networks->wanted.contains(name) && !network) return std::move(network).error();
  if (!record->networks->wanted.contains(name))
    return error(Code::PermissionDenied, "container {} is not connected to network {}", record->id, name);
  ContainerNetworks networks = *record->networks;
  if (record->state.is_running()) {
    TRY(core.networks.disconnect(record->id, name, force));
    publish_connection(core, "disconnect", name, *record);
  }
  networks.wanted.erase(name);
  networks.endpoints.erase(name);
  TRY(save_networks(core, container, std::move(networks)));
  const ContainerRef saved = container.record();
  return saved->state.is_running() ? write_hosts(core, *saved, *saved->networks) : Result<void>();
}

}  // namespace gantry::engine
