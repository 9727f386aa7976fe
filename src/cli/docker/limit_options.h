// SPDX-License-Identifier: Apache-2.0
//
// The limits of a container that can be given when it is made and changed while it runs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/options.h"
#include "container/settings.h"

namespace gantry::cli::docker {

struct LimitOptions {
  using Number = std::optional<std::int64_t>;
  Number blkio_weight, cpu_period, cpu_quota, cpu_rt_period, cpu_rt_runtime, cpu_shares, pids_limit;
  std::string cpus, cpuset_cpus, cpuset_mems, memory, memory_reservation, memory_swap;

  bool operator==(const LimitOptions&) const = default;

  std::vector<Option> table();
  // InvalidArgument names the option.
  Result<void> put(container::Resources& limits) const;
};

}  // namespace gantry::cli::docker
