// SPDX-License-Identifier: Apache-2.0
//
// What an endpoint is told (its addresses, and `docker network connect --driver-opt`), checked before
// anything is made.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "network/config.h"

namespace gantry::network {

// "net.ipv4.conf.IFNAME.forwarding=1,…"
inline constexpr std::string_view kOptionEndpointSysctls = "com.docker.network.endpoint.sysctls";

struct EndpointOptions {
  std::string interface;  // the name it gets in the sandbox; empty: the next free one
  // Settings of the interface below /proc/sys/net, with slashes, "IFNAME" for its name, and their values.
  std::vector<std::pair<std::string, std::string>> sysctls;
};

// InvalidArgument names option and value; Unsupported: an option of Docker's that is not known here. Options
// without Docker's prefix are others' and ignored, as Docker does.
Result<EndpointOptions> parse_endpoint_options(const std::map<std::string, std::string>& options);

// That the addresses it wants are some; whether they are free, and of the network, is known when it connects.
// InvalidArgument in Docker's words.
Result<void> check_addresses(const EndpointSettings& wanted);

}  // namespace gantry::network
