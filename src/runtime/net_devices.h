// SPDX-License-Identifier: Apache-2.0
//
// linux.netDevices (runtime-spec 1.3): interfaces of the host that move into the
// container's network namespace, with their addresses.
#pragma once

#include <map>
#include <string>

#include "base/error.h"
#include "oci/runtime_spec.h"

namespace gantry::runtime {

// Moves each interface into that network namespace, under its new name if it gets one, with its
// permanent global addresses, and brings it up there.
Result<void> move_net_devices(const std::map<std::string, oci::NetDevice>& devices, int network_namespace);

}  // namespace gantry::runtime
