// SPDX-License-Identifier: Apache-2.0
//
// Device nodes of a container: those every container has (runtime-spec, config-linux.md
// "Default Devices") and those of linux.devices.
#pragma once

#include <vector>

#include "base/error.h"
#include "kernel/rooted_path.h"
#include "oci/runtime_spec.h"

namespace gantry::runtime {

// The default devices, with those of the same path in `configured` taking their place.
std::vector<oci::Device> devices_of_container(const std::vector<oci::Device>& configured);

// Makes the node, or where that is not allowed (`can_make` is false: user namespaces), binds the
// host's node of that path after checking that it is the device meant.
Result<void> make_device(const kernel::RootDir& root, const oci::Device& device, bool can_make);

}  // namespace gantry::runtime
