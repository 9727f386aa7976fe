// SPDX-License-Identifier: Apache-2.0
#include "network/config.h"

namespace gantry::network {

using json::Presence;

void fields(json::Fields& f, IpamPool& pool) {
  f("Subnet", pool.subnet);
  f("IPRange", pool.ip_range);
  f("Gateway", pool.gateway);
  f("AuxiliaryAddresses", pool.auxiliary_addresses);
}

void fields(json::Fields& f, Ipam& ipam) {
  f("Driver", ipam.driver, Presence::Always);
  f("Options", ipam.options, Presence::Always);
  f("Config", ipam.config, Presence::Always);
}

void fields(json::Fields& f, NetworkConfig& config) {
  f("Name", config.name, Presence::Always);
  f("Driver", config.driver, Presence::Always);
  f("EnableIPv4", config.enable_ipv4);
  f("EnableIPv6", config.enable_ipv6);
  f("IPAM", config.ipam, Presence::Always);
  f("Internal", config.internal, Presence::Always);
  f("Attachable", config.attachable, Presence::Always);
  f("Ingress", config.ingress, Presence::Always);
  f("ConfigOnly", config.config_only, Presence::Always);
  f("Options", config.options, Presence::Always);
  f("Labels", config.labels, Presence::Always);
}

void fields(json::Fields& f, EndpointIpam& ipam) {
  f("IPv4Address", ipam.ipv4_address);
  f("IPv6Address", ipam.ipv6_address);
  f("LinkLocalIPs", ipam.link_local_ips);
}

void fields(json::Fields& f, EndpointSettings& endpoint) {
  f("IPAMConfig", endpoint.ipam_config, Presence::Always);
  f("Links", endpoint.links, Presence::Always);
  f("Aliases", endpoint.aliases, Presence::Always);
  f("MacAddress", endpoint.mac_address, Presence::Always);
  f("DriverOpts", endpoint.driver_opts, Presence::Always);
  f("GwPriority", endpoint.gw_priority, Presence::Always);
  f("NetworkID", endpoint.network_id, Presence::Always);
  f("EndpointID", endpoint.endpoint_id, Presence::Always);
  f("Gateway", endpoint.gateway, Presence::Always);
  f("IPAddress", endpoint.ip_address, Presence::Always);
  f("IPPrefixLen", endpoint.ip_prefix_len, Presence::Always);
  f("IPv6Gateway", endpoint.ipv6_gateway, Presence::Always);
  f("GlobalIPv6Address", endpoint.global_ipv6_address, Presence::Always);
  f("GlobalIPv6PrefixLen", endpoint.global_ipv6_prefix_len, Presence::Always);
  f("DNSNames", endpoint.dns_names);
}

}  // namespace gantry::network
