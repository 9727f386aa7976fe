// SPDX-License-Identifier: Apache-2.0
#include "network/records.h"

#include "base/json.h"

namespace gantry::network {
namespace {

using database::Connection;
using database::Durability;

constexpr const char* kVersions[] = {R"(
  CREATE TABLE networks (id TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE endpoints (network TEXT NOT NULL, key TEXT NOT NULL, record TEXT NOT NULL,
                          PRIMARY KEY (network, key)) WITHOUT ROWID;
  CREATE TABLE sandboxes (key TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
)"};

template <class Record>
Result<std::vector<Record>> read_all(Connection& connection, database::Sql sql) {
  std::vector<Record> records;
  database::Rows rows = TRY(connection.query(sql));
  while (TRY(rows.next())) {
    const json::Document document = TRY(json::Document::parse(rows.get<std::string>(0)));
    records.push_back(TRY(json::decode<Record>(document.root())));
  }
  return records;
}

}  // namespace

void fields(json::Fields& f, NetworkRecord& record) {
  f("id", record.id, json::Presence::Required);
  f("created", record.created);
  f("config", record.config);
}

void fields(json::Fields& f, EndpointRecord& record) {
  f("network", record.network, json::Presence::Required);
  f("key", record.key, json::Presence::Required);
  f("container_id", record.container_id);
  f("container_name", record.container_name);
  f("hostname", record.hostname);
  f("interface", record.interface);
  f("host_interface", record.host_interface);
  f("has_own_mac", record.has_own_mac);
  f("settings", record.settings);
}

void fields(json::Fields& f, SandboxRecord& record) {
  f("key", record.key, json::Presence::Required);
  f("dns_servers", record.dns_servers);
  f("name_port_udp", record.name_port_udp);
  f("name_port_tcp", record.name_port_tcp);
  f("requests", record.requests);
  f("ports", record.ports);
  f("rules", record.rules);
}

void fields(json::Fields& f, PortRequest& request) {
  f("protocol", request.protocol);
  f("container_port", request.container_port);
  f("host_ip", request.host_ip);
  f("first_host_port", request.first_host_port);
  f("last_host_port", request.last_host_port);
}

void fields(json::Fields& f, PublishedPort& port) {
  f("protocol", port.protocol);
  f("container_port", port.container_port);
  f("host_ip", port.host_ip);
  f("host_port", port.host_port);
}

void fields(json::Fields& f, PortRule& rule) {
  f("protocol", rule.protocol);
  f("address", rule.address);
  f("port", rule.port);
  f("to", rule.to);
  f("to_port", rule.to_port);
  f("is_trusted", rule.is_trusted);
  f("is_routed", rule.is_routed);
}

Result<Records> Records::open(const std::string& root) {
  return Records(TRY(database::Database::open(root + "/network.db", kVersions)));
}

Result<std::vector<NetworkRecord>> Records::networks() const {
  return db_.read([](Connection& c) { return read_all<NetworkRecord>(c, "SELECT record FROM networks"); });
}

Result<std::vector<EndpointRecord>> Records::endpoints() const {
  return db_.read([](Connection& c) { return read_all<EndpointRecord>(c, "SELECT record FROM endpoints"); });
}

Result<std::vector<SandboxRecord>> Records::sandboxes() const {
  return db_.read([](Connection& c) { return read_all<SandboxRecord>(c, "SELECT record FROM sandboxes"); });
}

Result<void> Records::put(const NetworkRecord& record) {
  return db_.write([&](Connection& c) -> Result<void> {
    TRY(c.execute("INSERT OR REPLACE INTO networks (id, record) VALUES (?1, ?2)", record.id,
                  json::encode(record)));
    return {};
  });
}

Result<void> Records::put(const EndpointRecord& record) {
  return db_.write(Durability::Lazy, [&](Connection& c) -> Result<void> {
    TRY(c.execute("INSERT OR REPLACE INTO endpoints (network, key, record) VALUES (?1, ?2, ?3)",
                  record.network, record.key, json::encode(record)));
    return {};
  });
}

Result<void> Records::put(const SandboxRecord& record) {
  return db_.write(Durability::Lazy, [&](Connection& c) -> Result<void> {
    TRY(c.execute("INSERT OR REPLACE INTO sandboxes (key, record) VALUES (?1, ?2)", record.key,
                  json::encode(record)));
    return {};
  });
}

Result<void> Records::remove_network(const std::string& id) {
  return db_.write([&](Connection& c) -> Result<void> {
    TRY(c.execute("DELETE FROM networks WHERE id = ?1", id));
    return {};
  });
}

Result<void> Records::remove_endpoint(const std::string& network, const std::string& key) {
  return db_.write(Durability::Lazy, [&](Connection& c) -> Result<void> {
    TRY(c.execute("DELETE FROM endpoints WHERE network = ?1 AND key = ?2", network, key));
    return {};
  });
}

Result<void> Records::remove_sandbox(const std::string& key) {
  return db_.write(Durability::Lazy, [&](Connection& c) -> Result<void> {
    TRY(c.execute("DELETE FROM sandboxes WHERE key = ?1", key));
    return {};
  });
}

}  // namespace gantry::network
