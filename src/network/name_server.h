// SPDX-License-Identifier: Apache-2.0
//
// The name service of containers: one thread answers in all sandboxes, each at 127.0.0.11, over UDP and TCP.
//
// It does not take port 53 from the container: it listens on ports that are free, and the rules of the
// sandbox lead 127.0.0.11:53 there (who owns them asks add_sandbox for the ports). Names of the sandbox's
// networks are answered from their tables; everything else is asked of the host's name servers, as its
// resolv.conf has them at the moment, or of the sandbox's own.
//
//   auto server = TRY(NameServer::start({}, log));
//   server->set_names(network_id, NameTable::make(...));             // at each change of the network
//   NamePorts ports = TRY(server->add_sandbox(key, {.network_namespace = ns.get(), .networks = ...}));
//   server->set_networks(key, {...});                                // connected, disconnected
//   server->remove_sandbox(key);                                     // before the namespace goes
//
// All calls are for any thread. After a restart the sandboxes are added again, with the ports they had.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "network/name_table.h"
#include "network/resolver_config.h"

namespace gantry::network {

// Where queries arrive inside of the sandbox, at 127.0.0.11.
inline constexpr std::string_view kNameServerAddress = "127.0.0.11";
struct NamePorts {
  std::uint16_t udp = 0;
  std::uint16_t tcp = 0;
  bool operator==(const NamePorts&) const = default;
};

// One of the networks a sandbox is connected to, as its names are seen from there.
struct SandboxNetwork {
  std::string id;                            // as set_names() has it
  std::map<std::string, std::string> links;  // further names, for this sandbox alone: alias to name
};

struct SandboxNames {
  int network_namespace = -1;            // borrowed during the call; -1: this process's own
  std::vector<SandboxNetwork> networks;  // the first that knows a name answers
  // Name servers of its own (--dns), which are asked from inside the sandbox; empty: the host's.
  std::vector<std::string> upstreams;
  // False: only its networks' names are known, others do not exist (networks without a way out).
  bool forwards = true;
  // The ports it had before a restart, to be taken again; fails with AlreadyExists if they are not free.
  std::optional<NamePorts> ports = std::nullopt;
};

struct NameServerOptions {
  std::string host_resolv_conf = std::string(kHostResolvConf);  // followed as it changes
  std::uint16_t upstream_port = 53;
};

class NameServer {
 public:
  static Result<std::unique_ptr<NameServer>> start(NameServerOptions options, const Logger& log);
  NameServer(const NameServer&) = delete;
  NameServer& operator=(const NameServer&) = delete;
  ~NameServer();

  // The names of a network, in the place of what it had; null: it is gone. Seen by the next query.
  void set_names(const std::string& network, std::shared_ptr<const NameTable> names);

  // Fails with AlreadyExists when there is a sandbox of that key.
  Result<NamePorts> add_sandbox(const std::string& key, SandboxNames names);
  // NotFound when there is no such sandbox.
  Result<void> set_networks(const std::string& key, std::vector<SandboxNetwork> networks, bool forwards);
  // Its sockets are closed when this returns. What is not there is fine.
  void remove_sandbox(const std::string& key);

 private:
  class Impl;
  explicit NameServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace gantry::network
