// SPDX-License-Identifier: Apache-2.0
//
// linux.cgroupsPath -> directories, the way runc's cgroupfs driver reads it:
//
//   /a/b    below the root of every hierarchy
//   a/b     below the runtime's own group in every hierarchy; on a v2-only host below that group's parent,
//           since a v2 group with processes (the runtime's) cannot give controllers to groups below it
//   (none)  as "<container id>"
//
// ".." is resolved in the text and never climbs above that start.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "kernel/cgroup.h"
#include "oci/runtime_spec.h"

namespace gantry::limits {

// Makes nothing. `resources` decide which controllers a mixed host's v2 hierarchy has to give.
Result<kernel::CgroupPlan> plan_cgroup(const kernel::CgroupLayout& layout, std::string_view cgroups_path,
                                       std::string_view id, const oci::Resources& resources);

// The same for a group whose path is known: "/system.slice/runc-x.scope".
kernel::CgroupPlan plan_cgroup_at(const kernel::CgroupLayout& layout, std::string_view path,
                                  const oci::Resources& resources);

}  // namespace gantry::limits
