// SPDX-License-Identifier: Apache-2.0
//
// The environment variables of Docker's legacy links (`--link db:alias`): where the linked container's ports
// are, and what its own environment says.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace gantry::network {

struct ExposedPort {
  std::uint16_t number = 0;
  std::string protocol = "tcp";  // lower case: "tcp", "udp", "sctp"
};

struct Link {
  std::string parent;                    // the name of the container that links, without a slash
  std::string alias;                     // what the linked one is called there
  std::string address;                   // of the linked one
  std::vector<ExposedPort> ports;        // that it exposes, in any order
  std::vector<std::string> environment;  // of its configuration: "NAME=value"
};

// "DB_PORT=tcp://172.17.0.2:5432" and so on, in Docker's order. The alias is in capitals, with '_' for '-'.
std::vector<std::string> link_environment(const Link& link);

}  // namespace gantry::network
