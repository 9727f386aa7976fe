// SPDX-License-Identifier: Apache-2.0
#include "engine/merge_resources.h"

namespace gantry::engine {

namespace {

// 0, empty and absent mean "not given".
template <class T>
void take(T& value, const T& change) {
  if (change != T()) value = change;
}

}  // namespace

void merge_resources(container::Resources& resources, const container::Resources& changes) {
  // A quota takes the place of a number of CPUs, and the other way round: they say the same thing.
  if (changes.nano_cpus != 0) resources.cpu_period = resources.cpu_quota = 0;
  if (changes.cpu_period != 0 || changes.cpu_quota != 0) resources.nano_cpus = 0;
  take(resources.cpu_shares, changes.cpu_shares);
  take(resources.nano_cpus, changes.nano_cpus);
  take(resources.cpu_period, changes.cpu_period);
  take(resources.cpu_quota, changes.cpu_quota);
  take(resources.cpu_realtime_period, changes.cpu_realtime_period);
  take(resources.cpu_realtime_runtime, changes.cpu_realtime_runtime);
  take(resources.cpuset_cpus, changes.cpuset_cpus);
  take(resources.cpuset_mems, changes.cpuset_mems);
  take(resources.memory, changes.memory);
  take(resources.memory_swap, changes.memory_swap);
  take(resources.memory_reservation, changes.memory_reservation);
  take(resources.kernel_memory, changes.kernel_memory);
  take(resources.blkio_weight, changes.blkio_weight);
  take(resources.pids_limit, changes.pids_limit);
}

}  // namespace gantry::engine
