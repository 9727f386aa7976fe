// SPDX-License-Identifier: Apache-2.0
//
// The bridge of a network, in the host's network namespace.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "kernel/network/route_socket.h"

namespace gantry::network {

struct BridgePlan {
  std::string name;
  std::string owner;       // the interface's alias, by which we know it again
  bool may_adopt = false;  // one that exists and is not ours is used, and left alone in the end
  std::uint32_t mtu = 1500;
  std::vector<kernel::IpPrefix> addresses;  // its own in each subnet
  bool has_ipv6 = false;
};

struct EnsuredBridge {
  unsigned index = 0;
  bool is_new = false;
};

// Makes it, or adds what is missing. AlreadyExists: there is an interface of that name that is somebody
// else's.
Result<EnsuredBridge> ensure_bridge(kernel::RouteSocket& host, const BridgePlan& plan);

// None there: fine; not ours: left alone.
Result<void> remove_bridge(kernel::RouteSocket& host, const std::string& name, const std::string& owner);

}  // namespace gantry::network
