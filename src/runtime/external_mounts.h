// SPDX-License-Identifier: Apache-2.0
//
// What of a container's mounts CRIU is not to save, because the host has it:
// bind mounts, control groups, masks made of a device. At a dump each gets a
// key, which the images carry; at a restore each key gets a source:
//
//   --external mnt[<mount point>]:<key>       dump
//   --external mnt[<key>]:<source>            restore
//
// The key is the mount's destination as config.json has it (and what is below
// it, for the other mounts that a recursive bind brings), so a container may
// be restored from another bundle, or on another host.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "oci/runtime_spec.h"
#include "runtime/rootfs.h"

namespace gantry::runtime {

// The values of --external for the container that runs with the first process `init`.
Result<std::vector<std::string>> external_mounts_to_dump(const oci::Spec& spec, pid_t init);

Result<std::vector<std::string>> external_mounts_to_restore(const oci::Spec& spec, const std::string& bundle,
                                                            const std::vector<CgroupView>& cgroups);

// The ids of the mounts that a process sees.
Result<std::vector<int>> mount_ids_of(pid_t pid);

}  // namespace gantry::runtime
