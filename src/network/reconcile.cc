// SPDX-License-Identifier: Apache-2.0
//
// After a start: what the records say, what the kernel has, and who lives are made to agree. There is no
// other way to recover, so this is also what repairs a network that somebody has damaged.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <set>

#include "base/file.h"
#include "kernel/network/network_namespace.h"
#include "network/networks_state.h"
#include "network/watcher.h"

namespace gantry::network {
namespace {

// What cannot be put right for one must not stop what can be for others.
void report(const Logger& log, std::string_view what, std::string_view which, const Result<void>& outcome) {
  if (!outcome) log.warn(what, {{"which", which}, {"error", outcome.error().message()}});
}

// The default bridge is made when it is first needed.
bool is_unused_default(const NetworkObject& network) {
  return network.settings.is_default && network.endpoints.empty();
}

}  // namespace

// Keys of everything that is known or found: records, and files of namespaces.
Result<std::set<std::string>> Networks::State::known_keys() const {
  std::set<std::string> keys;
  for (std::string& name : TRY(names_in(AT_FDCWD, options.run + "/netns"))) keys.insert(std::move(name));
  MutexLock lock(mutex);
  for (const auto& [key, sandbox] : sandboxes) keys.insert(key);
  for (const auto& [id, network] : networks)
    for (const auto& [key, endpoint] : network.endpoints) keys.insert(key);
  return keys;
}

// An endpoint's interface, if it is not as it should be: it may never have been made, been removed by hand,
// or have lost its bridge.
Result<void> Networks::State::repair_endpoint(const NetworkObject& network, const EndpointRecord& endpoint) {
  if (!network.is_bridge()) return {};
  const unsigned bridge = TRY(bring_up_bridge(network));
  std::optional<kernel::Link> link;
  {
    MutexLock lock(host_mutex);
    link = TRY(host.find_link(endpoint.host_interface));
    if (link && link->master != bridge) {
      kernel::RouteBatch batch;
      batch.set_master(endpoint.host_interface, bridge);
      batch.set_port(endpoint.host_interface, {.is_hairpin = true, .is_isolated = !network.settings.has_icc});
      batch.set_up(endpoint.host_interface);
      TRY(host.run(batch));
      log.info("interface made a port of its bridge again", {{"interface", endpoint.host_interface}});
    }
  }
  const UniqueFd ns = TRY(open_sandbox_namespace(netns_path(endpoint.key)));
  if (!link) {
    TRY(plug(network, endpoint));
    log.info("interface made again", {{"interface", endpoint.host_interface}});
    return {};
  }
  return settle(network, endpoint, ns.get());
}

Result<void> Networks::State::repair_sandbox(const std::string& key) {
  std::vector<std::pair<const NetworkObject*, EndpointRecord>> endpoints;
  {
    MutexLock lock(mutex);
    for (const auto& [id, network] : networks)
      if (const auto found = network.endpoints.find(key); found != network.endpoints.end())
        endpoints.emplace_back(&network, found->second);
  }
  bool has_interfaces = false;
  for (const auto& [network, endpoint] : endpoints) {
    if (!network->has_interfaces()) continue;
    has_interfaces = true;
    TRY(repair_endpoint(*network, endpoint));
  }
  return has_interfaces ? refresh(key) : Result<void>();
}

void Networks::State::repair_networks() {
  std::vector<const NetworkObject*> bridges;
  {
    MutexLock lock(mutex);
    for (const auto& [id, network] : networks)
      if (network.is_bridge() && !is_unused_default(network)) bridges.push_back(&network);
  }
  for (const NetworkObject* network : bridges) {
    {
      MutexLock lock(host_mutex);
      ready_bridges.erase(network->id());  // look at all of it
    }
    auto up = bring_up_bridge(*network);
    if (!up) report(log, "network cannot be brought up", network->name(), std::move(up).error());
  }
}

// In one step, so that what leads to the living is never missing.
Result<void> Networks::State::restore_firewall(const std::set<std::string>& live) {
  MutexLock lock(mutex);
  std::map<std::string, BridgeRules> bridges;
  for (const auto& [id, network] : networks)
    if (network.is_bridge() && !is_unused_default(network))
      bridges.emplace(network.bridge_name(), network.bridge_rules());
  std::set<PortRule> ports;
  for (const auto& [key, object] : sandboxes)
    if (live.contains(key)) ports.insert(object.record.rules.begin(), object.record.rules.end());
  return firewall->replace(std::move(bridges), std::move(ports));
}

Result<void> Networks::reconcile(std::span<const std::string> live_keys) {
  State& state = *state_;
  if (::access((state.options.run + "/forwarding").c_str(), F_OK) == 0) state.firewall->drop_foreign();
  const std::set<std::string> live(live_keys.begin(), live_keys.end());
  report(state.log, "packet rules cannot be restored", state.options.bridge, state.restore_firewall(live));
  for (const std::string& key : TRY(state.known_keys()))
    if (!live.contains(key)) report(state.log, "sandbox cannot be removed", key, remove_sandbox(key));
  state.repair_networks();
  for (const std::string& key : live)
    report(state.log, "sandbox cannot be repaired", key, state.repair_sandbox(key));
  return state.options.follow_changes ? state.follow_changes() : Result<void>();
}

// ---- Afterwards

bool Networks::State::has_interface(const std::string& name) {
  MutexLock lock(mutex);
  for (const auto& [id, network] : networks) {
    if (network.is_bridge() && !is_unused_default(network) && network.bridge_name() == name) return true;
    for (const auto& [key, endpoint] : network.endpoints)
      if (endpoint.host_interface == name) return true;
  }
  return false;
}

void Networks::State::heal_rules() {
  log.warn("packet rules were changed by somebody else, or too much at once to be sure, and are made anew",
           {{"table", firewall->table()}});
  report(log, "packet rules cannot be made anew", firewall->table(), firewall->rebuild());
}

// Everything that there is to be: what was removed is not the only thing that went with it.
void Networks::State::heal_interfaces() {
  const std::unique_lock alone(shared_with_repair);
  repair_networks();
  std::vector<std::string> keys;
  {
    MutexLock lock(mutex);
    for (const auto& [key, sandbox] : sandboxes) keys.push_back(key);
  }
  for (const std::string& key : keys) report(log, "sandbox cannot be repaired", key, repair_sandbox(key));
}

Result<void> Networks::State::follow_changes() {
  watcher =
      TRY_DURING(Watcher::start({.table = firewall->table(),
                                 .our_port_id = firewall->port_id(),
                                 .is_ours = [this](const std::string& name) { return has_interface(name); },
                                 .heal =
                                     [this](Damage damage) {
                                       if (damage.to_rules) heal_rules();
                                       if (damage.to_interfaces) heal_interfaces();
                                     }}),
                 "watch for changes of others");
  return {};
}

}  // namespace gantry::network
