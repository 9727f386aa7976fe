// SPDX-License-Identifier: Apache-2.0
#include "engine/restore_networks.h"

#include <utility>

#include "engine/container_files.h"
#include "engine/container_network.h"

namespace gantry::engine {
namespace {

using Endpoints = std::map<std::string, network::EndpointSettings>;

void warn(Core& core, const std::string& network, const std::string& id, const Error& why) {
  core.log.warn("a connection that was not finished could not be taken back",
                {{"network", network}, {"container", id}, {"error", why.message()}});
}

bool disconnect_surplus(Core& core, const ContainerRecord& record, const Endpoints& found) {
  bool is_changed = false;
  for (const auto& [name, endpoint] : found) {
    if (record.networks->endpoints.contains(name)) continue;
    is_changed = true;
    if (auto gone = core.networks.disconnect(record.id, name, true); !gone)
      warn(core, name, record.id, gone.error());
  }
  return is_changed;
}

bool connect_missing(Core& core, const ContainerRecord& record, const Endpoints& found,
                     Endpoints& endpoints) {
  bool is_changed = false;
  for (const auto& [name, wanted] : record.networks->wanted) {
    if (found.contains(name)) continue;
    is_changed = true;
    endpoints[name] = wanted;
    auto connected = connect_network(core, record, name, wanted);
    if (connected)
      endpoints[name] = std::move(*connected);
    else
      warn(core, name, record.id, connected.error());
  }
  return is_changed;
}

Result<void> restore_networks_of(Core& core, Container& container) {
  const ContainerRef record = container.record();
  const Endpoints found = core.networks.endpoints_of(record->id);
  ContainerNetworks networks = *record->networks;
  const bool has_surplus = disconnect_surplus(core, *record, found);
  const bool has_missing = connect_missing(core, *record, found, networks.endpoints);
  if (has_surplus || has_missing) {
    TRY(write_hosts(core, *record, networks));
    TRY(save_networks(core, container, std::move(networks)));
  }
  return core.networks.rename(record->id, record->name);
}

}  // namespace

void restore_networks(Core& core) {
  for (const std::shared_ptr<Container>& container : core.containers.all()) {
    const ContainerRef record = container->record();
    if (!record->state.is_running() || network_kind(*record->settings) != NetworkKind::Own) continue;
    MutexLock lock(container->changes());
    if (auto restored = restore_networks_of(core, *container); !restored)
      core.log.warn("a container's networks could not be made to agree with its record",
                    {{"container", record->id}, {"error", restored.error().message()}});
  }
}

}  // namespace gantry::engine
