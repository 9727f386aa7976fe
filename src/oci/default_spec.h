// SPDX-License-Identifier: Apache-2.0
//
// The config.json that the `spec` command writes for somebody to start from: a shell on a terminal in the
// bundle's directory "rootfs", with few capabilities. The same as runc's, which tutorials show.
#pragma once

#include <cstdint>

#include "oci/runtime_spec.h"

namespace gantry::oci {

Spec default_spec();

// Changed for a user without privileges: a user namespace in which that user is root, the host's network, no
// limits, and of what is mounted only what a user namespace may mount.
Spec default_rootless_spec(std::uint32_t host_uid, std::uint32_t host_gid);

}  // namespace gantry::oci
