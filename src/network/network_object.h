// SPDX-License-Identifier: Apache-2.0
//
// One network and one sandbox as Networks keeps them: the record, and what follows from it.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "network/bridge.h"
#include "network/firewall.h"
#include "network/host_ports.h"
#include "network/network_settings.h"
#include "network/records.h"
#include "network/subnet_addresses.h"

namespace gantry::network {

class NetworkObject {
 public:
  // From a record that has been checked and has its subnets.
  static Result<NetworkObject> make(NetworkRecord record, NetworkSettings settings);

  const std::string& id() const { return record.id; }
  const std::string& name() const { return record.config.name; }
  bool is_bridge() const { return record.config.driver == "bridge"; }
  bool is_macvlan() const { return record.config.driver == "macvlan"; }
  bool has_interfaces() const { return is_bridge() || is_macvlan(); }  // or is "host" or "none"
  bool has_names() const { return has_interfaces() && !settings.is_default; }
  bool is_internal() const { return record.config.internal; }

  std::string bridge_name() const;
  std::uint32_t mtu(int fallback) const;
  BridgePlan bridge_plan(int default_mtu) const;
  BridgeRules bridge_rules() const;

  void show_gateways();  // in the record, where they were not named

  // Gives an endpoint what its record wants, and writes it there. On failure nothing is taken.
  Result<void> assign(EndpointRecord& endpoint);
  // Takes what a recorded endpoint has.
  Result<void> claim(const EndpointRecord& endpoint);
  void give_back(const EndpointRecord& endpoint);
  // An endpoint's addresses with the lengths of their subnets.
  std::vector<kernel::IpPrefix> addresses_of(const EndpointRecord& endpoint) const;

  // While a network has endpoints it is not removed, and all of this but `pools`' free addresses is constant:
  // may be read without a lock by who has an endpoint of it.
  NetworkRecord record;
  NetworkSettings settings;
  std::vector<SubnetAddresses> pools;
  std::map<std::string, EndpointRecord> endpoints;  // by key

 private:
  NetworkObject(NetworkRecord r, NetworkSettings s) : record(std::move(r)), settings(std::move(s)) {}
  Result<std::optional<SubnetAddresses*>> take(const std::string& wanted, bool v4, std::string& address);
};

struct SandboxObject {
  SandboxRecord record;
  std::vector<HostPorts::Reservation> reservations;  // one a request
  bool has_names = false;                            // the name service answers in it
};

// What becomes of a sandbox's requests for ports on the networks it has at the moment.
struct Publication {
  std::vector<PublishedPort> ports;
  std::vector<PortRule> rules;
  std::vector<HostPorts::Reservation> reservations;
};

// What identifies a bridge as a network's.
std::string owner_mark(const std::string& network_id);

}  // namespace gantry::network
