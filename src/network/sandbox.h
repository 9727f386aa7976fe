// SPDX-License-Identifier: Apache-2.0
//
// What is done inside of a sandbox's network namespace.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "kernel/network/ip_address.h"

namespace gantry::network {

// Makes the namespace at `path`, with its loopback up and `sysctls` ("net.ipv4.ip_forward") set.
Result<void> make_sandbox_namespace(const std::string& path, int user_namespace,
                                    const std::map<std::string, std::string>& sysctls);
Result<UniqueFd> open_sandbox_namespace(const std::string& path);

struct InterfacePlan {
  std::string name;                         // as it was made there
  std::vector<kernel::IpPrefix> addresses;  // with their host part
  bool announces = false;  // its MAC is not the one its addresses had before: tell the neighbours
  // Below /proc/sys/net, with "IFNAME" for its name, and their values.
  std::vector<std::pair<std::string, std::string>> sysctls = {};
};
struct DefaultRoute {
  kernel::IpAddress gateway;
  std::string interface;
};
// Gives it its addresses, brings it up and sets the default routes.
Result<void> set_up_interface(int network_namespace, const InterfacePlan& plan,
                              std::span<const DefaultRoute> routes);

// One of each version at most: those that are not named are removed.
Result<void> set_default_routes(int network_namespace, std::span<const DefaultRoute> routes);

}  // namespace gantry::network
