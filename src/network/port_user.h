// SPDX-License-Identifier: Apache-2.0
//
// Which process has a port of the host, for the sentence of an error: searched in /proc, so slow and only as
// good as what this process may see there.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernel/network/ip_address.h"
#include "network/networks.h"

namespace gantry::network {

struct PortUser {
  pid_t pid = 0;
  std::string command;
};

// Of a socket bound to that address, or to any, of this network namespace. `proc`: where procfs is.
std::optional<PortUser> find_port_user(Protocol protocol, const kernel::IpAddress& address,
                                       std::uint16_t port, const std::string& proc = "/proc");

// The addresses that sockets of the calling thread's network namespace take packets for the port at; any
// address is "0.0.0.0" or "::". Nothing is known of SCTP.
std::vector<kernel::IpAddress> listening_addresses(Protocol protocol, std::uint16_t port);

}  // namespace gantry::network
