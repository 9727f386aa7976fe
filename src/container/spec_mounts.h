// SPDX-License-Identifier: Apache-2.0
//
// The mounts of a container, in the order in which they are made: what every container has (/proc, /dev,
// ...), its binds, volumes and tmpfs from the shortest target to the longest, then the files that the engine
// writes for it. For make_spec.cc.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "container/make_spec.h"
#include "oci/runtime_spec.h"

namespace gantry::container {

// Where the init of HostConfig.Init is in the container; Docker's name, which people look for in ps.
inline constexpr std::string_view kInitTarget = "/sbin/docker-init";

struct MountChoices {
  bool has_init = false;
  bool has_writable_cgroups = false;
};

// Fills `spec.mounts` and linux.rootfsPropagation.
Result<void> add_mounts(oci::Spec& spec, const SpecInputs& inputs, const MountChoices& choices);

// The options of a tmpfs as HostConfig.Tmpfs has them ("size=64m,exec"), over Docker's "noexec,nosuid,nodev".
// InvalidArgument for what is no option of a tmpfs.
Result<std::vector<std::string>> tmpfs_options(std::string_view options);

}  // namespace gantry::container
