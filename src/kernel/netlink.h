// SPDX-License-Identifier: Apache-2.0
//
// The little of rtnetlink(7) that a container runtime needs. Every call opens
// its own socket in the network namespace of the calling thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"

namespace gantry::kernel {

struct InterfaceAddress {
  std::uint8_t family = 0;         // AF_INET or AF_INET6
  std::uint8_t prefix_length = 0;
  std::vector<std::uint8_t> address;    // 4 or 16 bytes; of a point-to-point link, the peer's
  std::vector<std::uint8_t> local;      // empty: the same as `address`
  std::vector<std::uint8_t> broadcast;  // may be empty
};

Result<unsigned> interface_index(const std::string& name);

// The interface's permanent addresses of global scope.
Result<std::vector<InterfaceAddress>> permanent_addresses(unsigned index);

// Takes the interface down, gives it `new_name` and puts it into that network namespace.
Result<void> move_interface(unsigned index, int network_namespace, const std::string& new_name);

Result<void> bring_up(unsigned index);
Result<void> add_address(unsigned index, const InterfaceAddress& address);

}  // namespace gantry::kernel
