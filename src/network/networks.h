// SPDX-License-Identifier: Apache-2.0
//
// The networks of one host: what `docker network` manages and what a container's network namespace hangs on.
// Knows no containers, only sandboxes: a network namespace with a key (the container's or pod's id), kept
// alive by a bind mount, so it and everything in it outlive this process.
//
//   std::unique_ptr<Networks> networks = TRY(Networks::open({.root = root, .run = run, .log = &log}));
//   TRY(networks->reconcile(keys_of_living_containers));
//
//   std::string path = TRY(networks->make_sandbox(id, {}));            // .../netns/<id>
//   EndpointSettings got = TRY(networks->connect(id, "bridge", {.container_name = "web"}));
//   std::vector<PublishedPort> ports = TRY(networks->publish(id, requests));
//   ...
//   TRY(networks->remove_sandbox(id));                                 // gives all of it back
//
// Thread-safe; every call blocks for as long as the kernel takes (a millisecond or so). Calls for one key are
// made one after the other by the caller. What exists is on disk (<root>/network.db) before the kernel has
// it, so reconcile() finds everything that a killed daemon left behind.
//
// Errors have Docker's sentences and these codes: NotFound; AlreadyExists (name, address or port taken);
// PermissionDenied (Docker's 403: predefined or used network, overlapping pool); InvalidArgument;
// Unsupported (needs what this host or Gantry does not have); ResourceExhausted (no address left).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "network/config.h"

namespace gantry::network {

struct AddressPool {
  std::string base;  // CIDR
  int size = 0;      // prefix length of the subnets that are cut out of it
};

struct NetworksOptions {
  std::string root;             // survives the host's restart: network.db
  std::string run;              // dies with the host: netns/
  const Logger* log = nullptr;  // outlives the Networks
  // The default network's bridge. Also the name of our nftables table, so two daemons of one host differ in
  // it.
  std::string bridge = "gantry0";
  std::string bridge_address;                      // "172.30.0.1/16" (dockerd's --bip); empty: from the pools
  std::vector<AddressPool> default_address_pools;  // empty: Docker's
  int mtu = 0;                                     // of networks that do not say; 0: 1500
  bool enable_ipv6 = false;                        // on the default network
  bool ip_forward = true;      // turn forwarding on (and say so) when a bridge needs it and it is off
  bool follow_changes = true;  // watch our nftables table and repair it when someone else changes it
  std::string host_resolv_conf = "/etc/resolv.conf";
};

enum class Protocol : std::uint8_t { Tcp, Udp, Sctp };
constexpr std::array<std::string_view, 3> names_of(Protocol) { return {"tcp", "udp", "sctp"}; }
std::string_view name_of(Protocol protocol);

struct PortRequest {
  Protocol protocol = Protocol::Tcp;
  std::uint16_t container_port = 0;
  std::string host_ip;  // empty: every address, IPv4 and IPv6 as the network has them
  // A free one out of this range; both 0: out of the host's ephemeral ports.
  std::uint16_t first_host_port = 0;
  std::uint16_t last_host_port = 0;
};

struct PublishedPort {
  Protocol protocol = Protocol::Tcp;
  std::uint16_t container_port = 0;
  std::string host_ip;  // "0.0.0.0", "::" or an address
  std::uint16_t host_port = 0;
};

struct Endpoint {
  std::string key;             // of the sandbox
  std::string container_id;    // what inspect shows
  std::string container_name;  // without "/"
  EndpointSettings settings;
};

// One network at one moment.
struct Network {
  std::string id;       // 64 hexadecimal digits
  std::string created;  // RFC 3339
  NetworkConfig config;
  std::vector<Endpoint> endpoints;  // the connected ones

  bool is_predefined() const;  // bridge, host, none
  std::string_view scope() const { return "local"; }
};

struct SandboxOptions {
  int user_namespace = -1;                     // owner of the new namespace; -1: this process's
  std::map<std::string, std::string> sysctls;  // "net.ipv4.ip_forward" -> "1", written inside
  std::vector<std::string> dns_servers;        // that the name service asks (--dns); empty: the host's
};

struct ConnectRequest {
  EndpointSettings wanted;
  std::string container_id;    // empty: the key
  std::string container_name;  // without "/"; also a name of the name service on user-defined networks
  std::string hostname;        // likewise
};

// A packet, to be explained before it is sent.
struct TraceRequest {
  std::string from;  // key of a sandbox; an address: another machine's; empty: the host
  std::string to;    // an address, or a name that `from` knows by a network
  Protocol protocol = Protocol::Tcp;
  std::uint16_t port = 0;
};
struct TraceStep {
  enum class Verdict : std::uint8_t { Passes, Drops, Unknown };
  Verdict verdict = Verdict::Passes;
  std::string where;  // "sandbox 'web'", "host"
  std::string what;   // a sentence: the address, route, neighbour, interface or rule, and what it does
};
constexpr std::array<std::string_view, 3> names_of(TraceStep::Verdict) {
  return {"passes", "drops", "unknown"};
}
void fields(json::Fields& f, TraceStep& step);

class Networks {
 public:
  static Result<std::unique_ptr<Networks>> open(NetworksOptions options);
  ~Networks();

  // ---- Networks. `ref` is a name, an id or an unambiguous prefix of one; names win.
  Result<std::string> create(NetworkConfig config);  // the id
  Result<Network> find(std::string_view ref) const;
  Result<std::string> find_name(std::string_view ref) const;  // of a network: cheaper than find()
  std::vector<Network> list() const;                          // by name
  Result<void> remove(std::string_view ref);
  // Removes what nobody is connected to and `may_remove` (Docker's filters) agrees with; what it was.
  Result<std::vector<Network>> prune(const std::function<bool(const Network&)>& may_remove);

  // ---- Sandboxes
  // A new network namespace with its loopback up. The path of its bind mount.
  Result<std::string> make_sandbox(const std::string& key, const SandboxOptions& options = {});
  std::string sandbox_path(const std::string& key) const;
  // Whether its resolv.conf names 127.0.0.11: it is connected to a network that has names.
  bool has_name_service(const std::string& key) const;
  // Disconnects it, unpublishes its ports and removes the namespace. None there: fine.
  Result<void> remove_sandbox(const std::string& key);

  // ---- Endpoints
  // Networks "host" and "none" only record that the key uses them; "host" needs no sandbox.
  Result<EndpointSettings> connect(const std::string& key, std::string_view ref,
                                   const ConnectRequest& request);
  // `force`: also when the sandbox has gone. NotFound when it is not connected.
  Result<void> disconnect(const std::string& key, std::string_view ref, bool force = false);
  // By name of the network; gateways and addresses as they are now.
  std::map<std::string, EndpointSettings> endpoints_of(const std::string& key) const;
  // The container has a new name: the name service answers to that.
  Result<void> rename(const std::string& key, const std::string& container_name);

  // ---- Published ports
  // All of a sandbox's ports at once, or none. They lead to the network with the default gateway, and follow
  // when connect and disconnect change which that is; without one, or with an internal one, they wait.
  Result<std::vector<PublishedPort>> publish(const std::string& key, std::span<const PortRequest> ports);
  Result<void> unpublish(const std::string& key);
  std::vector<PublishedPort> ports_of(const std::string& key) const;

  // Every address, route, neighbour, interface and rule of ours on the way of the first packet of a
  // connection, up to where it is dropped or arrives: the last step's verdict is the outcome. Sends nothing.
  // Chains of others are named; what their rules do is not known.
  Result<std::vector<TraceStep>> trace(const TraceRequest& request) const;

  // Makes kernel and record agree with what lives, once after open(): repairs what is missing, removes what
  // belongs to no key of `live_keys`. One thing that cannot be repaired is logged and does not stop the rest.
  Result<void> reconcile(std::span<const std::string> live_keys);

 private:
  struct State;
  explicit Networks(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace gantry::network
