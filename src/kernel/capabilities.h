// SPDX-License-Identifier: Apache-2.0
//
// Capability sets as bit masks (capabilities(7)), bit n is capability n.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace gantry::kernel {

using CapabilityMask = std::uint64_t;

struct CapabilitySets {
  CapabilityMask bounding = 0;
  CapabilityMask permitted = 0;
  CapabilityMask effective = 0;
  CapabilityMask inheritable = 0;
  CapabilityMask ambient = 0;
};

// "CAP_KILL" -> 5; empty for a name this program does not know.
std::optional<unsigned> capability_number(std::string_view name);
std::string_view capability_name(unsigned number);
// Every name that this program and this kernel know, in the order of their numbers.
std::vector<std::string> known_capabilities();

constexpr CapabilityMask capability_bit(unsigned number) { return CapabilityMask{1} << number; }

// Of this process.
Result<CapabilityMask> effective_capabilities();
// Those of `among` that are in the bounding set.
CapabilityMask bounding_set(CapabilityMask among = ~CapabilityMask{0});

// Drops everything from the bounding set that is not in `keep`.
Result<void> limit_bounding_set(CapabilityMask keep);
// capset(2): permitted, effective and inheritable.
Result<void> set_capabilities(const CapabilitySets& sets);
Result<void> set_ambient(CapabilityMask ambient);

}  // namespace gantry::kernel
