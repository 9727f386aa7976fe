// SPDX-License-Identifier: Apache-2.0
//
// What the engine role is told: `roles.engine` of gantryd's configuration (docs/formats/engine-config.md), or
// what dockerd's flags and daemon.json say (dockerd_config.h).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json_codec.h"
#include "container/settings.h"

namespace gantry::daemon {

// Of listeners on TCP. Whoever may speak to the engine is root, so clients have to show a certificate.
struct EngineTls {
  std::string certificate;  // PEM, the whole chain
  std::string key;          // PEM
  std::string client_ca;    // PEM: who signs clients; empty: anybody may speak, which must be asked for
};

struct AddressPoolConfig {
  std::string base;       // "10.0.0.0/8"
  std::int64_t size = 0;  // prefix length of the networks cut out of it
};

void fields(json::Fields& f, AddressPoolConfig& pool);

struct NetworkDefaults {
  std::string bridge = "gantry0";
  std::string address;  // of the bridge, "172.30.0.1/16"; empty: from the pools
  std::vector<AddressPoolConfig> address_pools;
  std::int64_t mtu = 0;  // 0: 1500
  bool ipv6 = false;     // on the default network
  bool ip_forward = true;
};

struct UlimitConfig {
  std::int64_t soft = 0;  // -1: unlimited
  std::int64_t hard = 0;
};

struct ContainerDefaults {
  std::string cgroup_parent;  // empty: "/gantry"
  std::string cgroupns_mode;  // empty: as container/check.h says
  std::string ipc_mode = "private";
  std::int64_t shm_size = 64 << 20;  // bytes
  bool init = false;
  bool no_new_privileges = false;
  std::string seccomp_profile;  // a path, "unconfined"; empty: the built-in one
  std::string log_driver = "json-file";
  container::StringMap log_options;
  std::map<std::string, UlimitConfig> ulimits;  // by name
  std::vector<std::string> dns, dns_options, dns_search;
  std::string userns_remap;  // whose subordinate ids they get (subordinate_ids.h); empty: the host's own
};

struct EngineConfig {
  std::string run = "/run/gantry";  // what ends with the host
  // "unix:/path", "host:port", "fd:" (what systemd hands over; "fd:NAME" for sockets of that name alone).
  // Empty: "unix:<run>/gantry.sock".
  std::vector<std::string> listen;
  std::string group;  // of unix sockets, a name or number; empty: root alone
  std::optional<EngineTls> tls;
  // TCP without proof of who asks, anywhere but on loopback. Whoever reaches it is root.
  bool allows_anybody = false;
  std::string
      metrics_address;   // "host:port" of nothing but GET /metrics; empty: it is on the API's sockets alone
  std::string pid_file;  // empty: <run>/gantryd.pid
  std::string
      programs;  // directory of gantry-shim and its like; empty: beside this program, or /usr/libexec/gantry
  std::map<std::string, std::string> runtimes;  // further OCI runtimes: name to program
  std::string default_runtime;                  // empty: ours
  bool systemd_cgroup = false;
  std::vector<std::string> labels;  // of the daemon, "key=value"
  std::vector<std::string> insecure_registries;
  std::vector<std::string> registry_mirrors;
  ContainerDefaults containers;
  NetworkDefaults network;
  bool is_debug = false;

  // A key that is not known is an error.
  static Result<EngineConfig> parse(std::string_view json);
};

}  // namespace gantry::daemon
