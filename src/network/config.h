// SPDX-License-Identifier: Apache-2.0
//
// What a network and an endpoint are told, in Docker's words: member names are the snake_case of the keys of
// the Docker Engine API 1.52 (NetworkCreateRequest, IPAM, EndpointSettings), and the same structs are request
// bodies, the record on disk and the answer of inspect. What is unknown is ignored, as Docker does.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_codec.h"

namespace gantry::network {

// Options of a network that are understood here; another of Docker's that is not is refused by create().
inline constexpr std::string_view kOptionBridgeName = "com.docker.network.bridge.name";
inline constexpr std::string_view kOptionDefaultBridge = "com.docker.network.bridge.default_bridge";
inline constexpr std::string_view kOptionIcc = "com.docker.network.bridge.enable_icc";
inline constexpr std::string_view kOptionMasquerade = "com.docker.network.bridge.enable_ip_masquerade";
inline constexpr std::string_view kOptionHostBinding = "com.docker.network.bridge.host_binding_ipv4";
inline constexpr std::string_view kOptionInhibitIpv4 = "com.docker.network.bridge.inhibit_ipv4";
inline constexpr std::string_view kOptionGatewayMode4 = "com.docker.network.bridge.gateway_mode_ipv4";
inline constexpr std::string_view kOptionGatewayMode6 = "com.docker.network.bridge.gateway_mode_ipv6";
inline constexpr std::string_view kOptionMtu = "com.docker.network.driver.mtu";
inline constexpr std::string_view kOptionInterfacePrefix = "com.docker.network.container_iface_prefix";
inline constexpr std::string_view kOptionParent = "parent";             // of macvlan
inline constexpr std::string_view kOptionMacvlanMode = "macvlan_mode";  // bridge, private, vepa, passthru
// Of an endpoint (EndpointSettings.driver_opts).
inline constexpr std::string_view kOptionInterfaceName = "com.docker.network.endpoint.ifname";

struct IpamPool {
  std::string subnet;    // CIDR; empty when created: one of the default pools is taken and written here
  std::string ip_range;  // CIDR inside of the subnet that dynamic addresses come from
  std::string gateway;   // empty when created: the first address of the range
  std::map<std::string, std::string> auxiliary_addresses;  // never given to an endpoint
};

struct Ipam {
  std::string driver = "default";
  std::vector<IpamPool> config;
  std::map<std::string, std::string> options;
};

struct NetworkConfig {
  std::string name;
  std::string driver = "bridge";  // bridge, macvlan; "host" and "null" (network "none") exist once each
  bool internal = false;
  bool attachable = false;
  bool ingress = false;             // true is refused: needs a swarm
  bool config_only = false;         // true is refused
  std::optional<bool> enable_ipv4;  // absent: true; always there in what find() answers
  std::optional<bool> enable_ipv6;  // absent: true if a pool is IPv6
  Ipam ipam;
  std::map<std::string, std::string> options;
  std::map<std::string, std::string> labels;
};

struct EndpointIpam {
  std::string ipv4_address;
  std::string ipv6_address;
  std::vector<std::string> link_local_ips;
};

struct EndpointSettings {
  // What is wanted.
  std::optional<EndpointIpam> ipam_config;
  std::vector<std::string> links;    // "container" or "container:alias": names only this sandbox sees
  std::vector<std::string> aliases;  // further names on this network
  std::string mac_address;           // empty: one is made
  std::map<std::string, std::string> driver_opts;
  std::int64_t gw_priority = 0;  // the highest of a sandbox's endpoints has its default gateway
  // What it got.
  std::string network_id;
  std::string endpoint_id;
  std::string gateway;
  std::string ip_address;
  std::int64_t ip_prefix_len = 0;
  std::string ipv6_gateway;
  std::string global_ipv6_address;
  std::int64_t global_ipv6_prefix_len = 0;
  std::vector<std::string> dns_names;
};

void fields(json::Fields& f, IpamPool& pool);
void fields(json::Fields& f, Ipam& ipam);
void fields(json::Fields& f, NetworkConfig& config);
void fields(json::Fields& f, EndpointIpam& ipam);
void fields(json::Fields& f, EndpointSettings& endpoint);

}  // namespace gantry::network
