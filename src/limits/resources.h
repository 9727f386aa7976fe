// SPDX-License-Identifier: Apache-2.0
//
// linux.resources -> what is written into the container's control group, on v1
// and v2, with the conversions that runc makes and its order of dependent
// writes. The same call sets up a new group and changes a running one.
//
// A setting that cannot be applied is an error that names the field, the file
// and the reason. Rootless, where the host has delegated nothing, such a
// setting becomes a warning with the same words.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "kernel/cgroup.h"
#include "kernel/device_filter.h"
#include "oci/runtime_spec.h"

namespace gantry::limits {

enum class Purpose : std::uint8_t {
  Create,  // the group is to be set up; device rules apply even if there are none, since the default is to
           // deny
  Update,  // what is not mentioned stays as it is, the devices too
};

struct ApplyOptions {
  Purpose purpose = Purpose::Create;
  bool rootless = false;
};

// Adds to `warnings` one sentence for each setting that had no effect.
Result<void> apply_resources(kernel::Cgroup& cgroup, const oci::Resources& resources,
                             const ApplyOptions& options, std::vector<std::string>& warnings);

// The controllers that these settings need, wherever they are.
kernel::ControllerSet controllers_for(const oci::Resources& resources);

// The rules of the specification with those that every container gets behind them: mknod of anything, and the
// use of null, zero, full, random, urandom, tty, ptmx and the pseudo terminals.
Result<std::vector<kernel::DeviceRule>> device_rules(const oci::Resources& resources);

// cpu.shares (2 to 262144, 1024 by default) -> cpu.weight (1 to 10000, 100 by default).
std::uint64_t cpu_weight_of(std::uint64_t shares);
// blkio weight (10 to 1000) -> io.weight (1 to 10000).
std::uint64_t io_weight_of(std::uint16_t weight);
// memory.swap.max, in bytes or "max", from a limit on both together; "" means not to write it.
Result<std::string> swap_max_of(const oci::MemoryResources& memory);

}  // namespace gantry::limits
