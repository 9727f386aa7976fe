// SPDX-License-Identifier: Apache-2.0
//
// What a resolv.conf(5) says.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace gantry::network {

struct ResolverConfig {
  std::vector<std::string> nameservers;  // addresses; IPv6 ones may have a zone: "fe80::1%eth0"
  std::vector<std::string> search;
  std::vector<std::string> options;  // as written: "ndots:2"
  bool operator==(const ResolverConfig&) const = default;
};

// Never fails: what is not understood is left out, as the C library does. The last "search" or "domain" line
// counts; there may be more name servers than the three the C library reads.
ResolverConfig parse_resolver_config(std::string_view text);

inline constexpr std::string_view kHostResolvConf = "/etc/resolv.conf";

// The host's. Where that only points at the stub of systemd-resolved (127.0.0.53), what that itself asks is
// read instead, when it is there. A missing file says nothing, as resolv.conf(5) has it, and is no error.
Result<ResolverConfig> read_host_resolver_config(const std::string& path = std::string(kHostResolvConf));

// Whether the address is one of 127.0.0.0/8 or ::1, which means another host inside of a container.
bool is_loopback_address(std::string_view address);

}  // namespace gantry::network
