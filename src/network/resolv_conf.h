// SPDX-License-Identifier: Apache-2.0
//
// The /etc/resolv.conf of a container. Like its hosts file it is mounted: write it with rewrite_mounted_file
// (hosts_file.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "network/resolver_config.h"

namespace gantry::network {

// What the container's settings say; each list, when not empty, takes the place of the host's.
struct DnsSettings {
  std::vector<std::string> servers;  // --dns
  std::vector<std::string> search;   // --dns-search; "." alone: none
  std::vector<std::string> options;  // --dns-option
};

// Who answers the container.
enum class NameSource : std::uint8_t {
  NameService,  // the name server at 127.0.0.11: user-defined networks
  Upstream,     // the host's name servers directly, without those that only the host reaches (loopback)
  Host,         // the same name servers as the host: `--network host`
};

std::string resolv_conf_text(NameSource source, const ResolverConfig& host, const DnsSettings& settings);

// The servers the name service forwards to for a container with these settings; empty: the host's.
// (Those of resolv_conf_text's Upstream case, when the host has none but loopback ones, are empty as well.)
inline const std::vector<std::string>& upstreams_of(const DnsSettings& settings) { return settings.servers; }

}  // namespace gantry::network
