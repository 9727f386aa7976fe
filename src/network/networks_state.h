// SPDX-License-Identifier: Apache-2.0
//
// The inside of Networks, shared by its files: networks.cc (what exists), network_create.cc, endpoints.cc
// (connect, disconnect), sandboxes.cc, publishing.cc, reconcile.cc.
//
// Calls of users hold `shared_with_repair` shared, a repair holds it alone. Two locks below that. `mutex`
// guards what is known, and is never held while the kernel changes anything but the firewall; `host_mutex`
// guards the socket to the host's interfaces, and is taken last. Calls for one key come one after the other,
// so what belongs to a sandbox alone does not change between two locks.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "kernel/network/route_socket.h"
#include "network/firewall.h"
#include "network/host_ports.h"
#include "network/link_remover.h"
#include "network/name_server.h"
#include "network/network_object.h"
#include "network/networks.h"
#include "network/records.h"
#include "network/sandbox.h"

namespace gantry::network {

class Watcher;

struct Networks::State {
  State(NetworksOptions given, Records opened, std::unique_ptr<Firewall> opened_firewall,
        kernel::RouteSocket opened_host);
  ~State();

  const NetworksOptions options;
  const Logger& log;
  Records records;
  const std::unique_ptr<Firewall> firewall;
  HostPorts host_ports;
  LinkRemover link_remover;

  std::shared_mutex shared_with_repair;

  mutable Mutex mutex;                                               // guards what follows
  std::map<std::string, NetworkObject> networks GUARDED_BY(mutex);   // by id
  std::map<std::string, SandboxObject> sandboxes GUARDED_BY(mutex);  // by key
  std::unique_ptr<NameServer> names GUARDED_BY(mutex);               // started when first needed

  Mutex host_mutex;  // guards what follows
  kernel::RouteSocket host GUARDED_BY(host_mutex);
  std::map<std::string, bool> ready_bridges GUARDED_BY(host_mutex);  // by network: the firewall knows it

  // ---- What exists
  Result<void> load();  // from the records
  Result<void> make_predefined();
  Result<void> forget(const NetworkObject& network) REQUIRES(mutex);  // in the kernel and the record
  // Checks, completes and records it; nothing in the kernel yet.
  Result<NetworkObject*> add(NetworkConfig config) REQUIRES(mutex);
  Result<void> check_conflicts(const NetworkObject& wanted) REQUIRES(mutex);
  Result<void> choose_subnets(NetworkConfig& config) REQUIRES(mutex) EXCLUDES(host_mutex);

  // ---- Looking things up
  Result<NetworkObject*> resolve(std::string_view ref) REQUIRES(mutex);
  Result<SandboxObject*> sandbox(const std::string& key) REQUIRES(mutex);
  Network view_of(const NetworkObject& network) const REQUIRES(mutex);
  std::string netns_path(const std::string& key) const { return options.run + "/netns/" + key; }

  // ---- Networks in the kernel
  // Index of the bridge, which exists and has its rules from now on.
  Result<unsigned> bring_up_bridge(const NetworkObject& network) EXCLUDES(host_mutex);
  // Index of a macvlan network's parent, which is made if it is a VLAN that is missing, or none was named.
  Result<unsigned> find_parent(const NetworkObject& network) EXCLUDES(host_mutex);
  Result<void> take_down(const NetworkObject& network) EXCLUDES(host_mutex);
  Result<void> enable_forwarding(const NetworkObject& network);
  // The default bridge makes way when another took its addresses before it was ever there.
  Result<void> settle_default_subnet(NetworkObject& network) REQUIRES(mutex) EXCLUDES(host_mutex);

  // ---- Endpoints
  Result<void> register_endpoint(NetworkObject& network, EndpointRecord& endpoint) REQUIRES(mutex);
  Result<void> forget_endpoint(NetworkObject& network, const std::string& key) REQUIRES(mutex);
  Result<std::string> choose_interface(const NetworkObject& network, const EndpointRecord& endpoint)
      REQUIRES(mutex);
  // The interface in the sandbox, and the default routes that follow.
  Result<void> plug(const NetworkObject& network, const EndpointRecord& endpoint) EXCLUDES(mutex, host_mutex);
  Result<void> settle(const NetworkObject& network, const EndpointRecord& endpoint, int ns) EXCLUDES(mutex);
  Result<void> plug_bridge(const NetworkObject& network, const EndpointRecord& endpoint, int ns)
      EXCLUDES(host_mutex);
  Result<void> plug_macvlan(const NetworkObject& network, const EndpointRecord& endpoint, int ns)
      EXCLUDES(host_mutex);
  Result<void> unplug(const EndpointRecord& endpoint) EXCLUDES(host_mutex);
  Result<void> disconnect(const std::string& key, std::string_view ref, bool force) EXCLUDES(mutex);
  Result<void> unplug_all(const std::string& key) EXCLUDES(mutex, host_mutex);
  Result<void> reroute(const std::string& key) EXCLUDES(mutex);
  // After a change of its endpoints: names and published ports of the sandbox.
  Result<void> refresh(const std::string& key) EXCLUDES(mutex);
  std::vector<DefaultRoute> default_routes(const std::string& key) const EXCLUDES(mutex);
  struct Gateway {
    const NetworkObject* network = nullptr;
    const EndpointRecord* endpoint = nullptr;
  };
  // The endpoint whose network has the default gateway of that version; none: no way out.
  Gateway gateway_of(const std::string& key, bool v4) const REQUIRES(mutex);

  // ---- Published ports
  Result<Publication> plan_ports(const std::string& key, std::span<const PortRequest> requests,
                                 std::span<const PublishedPort> before) REQUIRES(mutex);
  Result<void> apply(SandboxObject& object, Publication publication) REQUIRES(mutex);
  bool leads_home(const std::string& key, std::span<const PortRule> rules) const REQUIRES(mutex);
  Result<void> republish(const std::string& key) EXCLUDES(mutex);
  Result<void> unpublish(const std::string& key) EXCLUDES(mutex);

  // ---- Names
  struct SeenNetworks {
    std::vector<SandboxNetwork> networks;
    bool forwards = false;
  };
  SeenNetworks networks_seen_by(const std::string& key) const REQUIRES(mutex);
  Result<void> start_names() REQUIRES(mutex);
  Result<void> add_names(SandboxObject& object, SeenNetworks seen) REQUIRES(mutex);
  void publish_names(const NetworkObject& network) REQUIRES(mutex);
  Result<void> refresh_names(const std::string& key) EXCLUDES(mutex);
  void forget_names(const std::string& key) EXCLUDES(mutex);

  class Tracer;

  // ---- Repair
  Result<std::set<std::string>> known_keys() const EXCLUDES(mutex);
  Result<void> restore_firewall(const std::set<std::string>& live) EXCLUDES(mutex);
  void repair_networks() EXCLUDES(mutex);
  Result<void> repair_sandbox(const std::string& key) EXCLUDES(mutex);
  Result<void> repair_endpoint(const NetworkObject& network, const EndpointRecord& endpoint)
      EXCLUDES(mutex, host_mutex);
  bool has_interface(const std::string& name) EXCLUDES(mutex, host_mutex);
  void heal_rules();
  void heal_interfaces();
  Result<void> follow_changes();

  std::unique_ptr<Watcher> watcher;  // first to go
};

// What messages call it: the container's name, else the key.
std::string name_for_people(const EndpointRecord& endpoint);

}  // namespace gantry::network
