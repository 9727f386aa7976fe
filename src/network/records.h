// SPDX-License-Identifier: Apache-2.0
//
// What is known of networks, endpoints and sandboxes across restarts of the daemon: <root>/network.db, with
// JSON records (docs/formats/network-db.md). Networks survive the host. Endpoints and sandboxes do not, so
// they are written without waiting for the disk: what a power loss could take of them, it has taken from the
// kernel too.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "database/database.h"
#include "network/config.h"
#include "network/firewall.h"
#include "network/networks.h"

namespace gantry::network {

struct NetworkRecord {
  std::string id;
  std::string created;
  NetworkConfig config;
};

struct EndpointRecord {
  std::string network;  // id
  std::string key;
  std::string container_id;
  std::string container_name;
  std::string hostname;
  std::string interface;       // inside of the sandbox
  std::string host_interface;  // its other end; empty: none
  bool has_own_mac = false;    // it was asked for, and not made from the address
  EndpointSettings settings;
};

struct SandboxRecord {
  std::string key;
  std::vector<std::string> dns_servers;
  std::uint16_t name_port_udp = 0;  // of the name service in the sandbox; 0: it has none
  std::uint16_t name_port_tcp = 0;
  std::vector<PortRequest> requests;
  std::vector<PublishedPort> ports;
  std::vector<PortRule> rules;  // as the firewall has them
};

void fields(json::Fields& f, NetworkRecord& record);
void fields(json::Fields& f, EndpointRecord& record);
void fields(json::Fields& f, SandboxRecord& record);
void fields(json::Fields& f, PortRequest& request);
void fields(json::Fields& f, PublishedPort& port);
void fields(json::Fields& f, PortRule& rule);

class Records {
 public:
  static Result<Records> open(const std::string& root);

  Result<std::vector<NetworkRecord>> networks() const;
  Result<std::vector<EndpointRecord>> endpoints() const;
  Result<std::vector<SandboxRecord>> sandboxes() const;

  Result<void> put(const NetworkRecord& record);
  Result<void> put(const EndpointRecord& record);
  Result<void> put(const SandboxRecord& record);
  Result<void> remove_network(const std::string& id);
  Result<void> remove_endpoint(const std::string& network, const std::string& key);
  Result<void> remove_sandbox(const std::string& key);

 private:
  explicit Records(database::Database db) : db_(std::move(db)) {}
  database::Database db_;
};

}  // namespace gantry::network
