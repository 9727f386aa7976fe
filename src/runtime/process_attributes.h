// SPDX-License-Identifier: Apache-2.0
//
// What config.json says about a process beyond its namespaces, each applied to
// the calling process, but for the OOM score, which a parent may set. An error names the field.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "oci/runtime_spec.h"
#include "runtime/log.h"

namespace gantry::runtime {

Result<void> set_rlimits(const std::vector<oci::Rlimit>& rlimits, const Log& log);
Result<void> set_scheduler(const oci::Scheduler& scheduler);
Result<void> set_io_priority(const oci::IoPriority& priority);
Result<void> set_cpu_affinity(const std::string& list, std::string_view field);
Result<void> set_memory_policy(const oci::MemoryPolicy& policy);
Result<void> set_personality(const oci::Personality& personality);
// `pid` 0: of the calling process. /proc has to be the host's.
Result<void> set_oom_score_adj(pid_t pid, int score, const Log& log);

}  // namespace gantry::runtime
