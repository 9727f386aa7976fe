// SPDX-License-Identifier: Apache-2.0
//
// Settings of the network namespace of the calling thread, below /proc/sys/net.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace gantry::network {

// `name` with slashes: "ipv4/ip_forward". Of an interface's directory, since its name may have dots.
Result<std::string> read_sysctl(const std::string& name);
Result<void> write_sysctl(const std::string& name, std::string_view value);
// Leaves alone what has the value already (also where /proc/sys may not be written).
Result<void> ensure_sysctl(const std::string& name, std::string_view value);
bool has_ipv6();
// Whether packets between ports of one bridge go through the rules for forwarding as well (br_netfilter).
bool bridges_call_rules(bool is_v4);

// Makes the host forward packets between interfaces. True if it did not before: then others that wait for
// packets here begin to be routers, too.
Result<bool> enable_forwarding4();
// The same for IPv6. A host that forwards listens to no router's advertisements any more unless it is told
// to; so those interfaces that listen now are told to.
Result<bool> enable_forwarding6();

}  // namespace gantry::network
