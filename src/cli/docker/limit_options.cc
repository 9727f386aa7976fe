// SPDX-License-Identifier: Apache-2.0
#include "cli/docker/limit_options.h"

#include "cli/docker/values.h"

namespace gantry::cli::docker {

std::vector<Option> LimitOptions::table() {
  return {{0, "blkio-weight", "NUMBER", &blkio_weight, "Share of block devices' time: 10 to 1000"},
          {0, "cpu-period", "MICROSECONDS", &cpu_period, "Period of the CPU quota"},
          {0, "cpu-quota", "MICROSECONDS", &cpu_quota, "CPU time in each period"},
          {0, "cpu-rt-period", "MICROSECONDS", &cpu_rt_period, "Period of the real-time quota"},
          {0, "cpu-rt-runtime", "MICROSECONDS", &cpu_rt_runtime, "Real-time CPU time in each period"},
          {'c', "cpu-shares", "NUMBER", &cpu_shares, "Share of the CPU against other containers"},
          {0, "cpus", "NUMBER", &cpus, "How many CPUs' time it may use: 1.5", is_cpus},
          {0, "cpuset-cpus", "LIST", &cpuset_cpus, "The CPUs it may run on: 0-3,7"},
          {0, "cpuset-mems", "LIST", &cpuset_mems, "The memory nodes it may use"},
          {'m', "memory", "SIZE", &memory, "Limit of its memory: 512m", is_size},
          {0, "memory-reservation", "SIZE", &memory_reservation, "Memory it keeps when others need some",
           is_size},
          {0, "memory-swap", "SIZE", &memory_swap, "Limit of memory and swap together; -1: no limit of swap",
           is_size},
          {0, "pids-limit", "NUMBER", &pids_limit, "Limit of its processes and threads; -1: none"}};
}

Result<void> LimitOptions::put(container::Resources& limits) const {
  limits.blkio_weight = static_cast<std::uint16_t>(blkio_weight.value_or(0));
  limits.cpu_period = cpu_period.value_or(0);
  limits.cpu_quota = cpu_quota.value_or(0);
  limits.cpu_realtime_period = cpu_rt_period.value_or(0);
  limits.cpu_realtime_runtime = cpu_rt_runtime.value_or(0);
  limits.cpu_shares = cpu_shares.value_or(0);
  limits.pids_limit = pids_limit;
  limits.nano_cpus = TRY(nano_cpus_option("cpus", cpus));
  limits.cpuset_cpus = cpuset_cpus;
  limits.cpuset_mems = cpuset_mems;
  limits.memory = TRY(bytes_option("memory", memory));
  limits.memory_reservation = TRY(bytes_option("memory-reservation", memory_reservation));
  limits.memory_swap = TRY(bytes_option("memory-swap", memory_swap));
  return {};
}

}  // namespace gantry::cli::docker
