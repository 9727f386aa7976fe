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
  std::uint8_t family = 0;  // AF_INET or AF_INET6
  std::uint8_t prefix_length = 0;
  std::vector<std::uint8_t> address;    // 4 or 16 bytes; of a point-to-point link, the peer's
  std::vector<std::uint8_t> local;      // empty: the same as `address`
  std::vector<std::uint8_t> broadcast;  // may be empty
};

Result<unsigned> interface_index(const std::string& name);

// The interface's permanent addresses of global scope.
Result<std::vector<InterfaceAddress>> permanent_addresses(unsigned index);

Result<bool> is_up(unsigned index);
// The indexes of all interfaces, sorted.
Result<std::vector<unsigned>> interface_indexes();

// Puts the interface, which has to be down, into that network namespace as `new_name`, in which a "%d"
// becomes the first number that is free there. Its index may change.
Result<void> move_interface(unsigned index, int network_namespace, const std::string& new_name);

Result<void> set_up(unsigned index, bool up);
Result<void> add_address(unsigned index, const InterfaceAddress& address);

}  // namespace gantry::kernel
