// SPDX-License-Identifier: Apache-2.0
#include "engine/usage_counters.h"

#include <unistd.h>

#include <fmt/format.h>

#include "base/file.h"
#include "engine/stats.h"
#include "kernel/cgroup.h"
#include "kernel/cgroup_stats.h"

namespace gantry::engine {

Result<UsageMeter> UsageMeter::open(const std::string& root) {
  return UsageMeter(TRY(kernel::CgroupLayout::read(root)), root);
}

Result<UsageCounters> UsageMeter::read(const std::string& cgroup_path, pid_t pid) const {
  std::vector<kernel::CgroupPlace> places;
  for (const kernel::Hierarchy& hierarchy : layout_.hierarchies) {
    std::string path = hierarchy.mount + cgroup_path;
    if (::access(path.c_str(), F_OK) == 0) places.push_back({.key = hierarchy.key, .path = std::move(path)});
  }
  if (places.empty()) return error(Code::NotFound, "there is no control group '{}'", cgroup_path);
  kernel::Cgroup cgroup = TRY(kernel::Cgroup::open(std::move(places)));
  const kernel::CgroupStats stats = TRY(kernel::read_stats(cgroup));
  UsageCounters counters{.cpu = stats.cpu.total,
                         .memory = stats.memory.memory.usage,
                         .memory_peak = stats.memory.memory.max_usage};
  for (const kernel::BlockIoEntry& entry : stats.block_io.service_bytes) {
    if (entry.operation == "Read" || entry.operation == "read") counters.io_read += entry.value;
    if (entry.operation == "Write" || entry.operation == "write") counters.io_written += entry.value;
  }
  if (pid == 0) return counters;
  for (const InterfaceStats& one :
       parse_net_dev(TRY(read_file(fmt::format("{}/proc/{}/net/dev", root_, pid))))) {
    counters.net_received += one.rx_bytes;
    counters.net_sent += one.tx_bytes;
  }
  return counters;
}

}  // namespace gantry::engine
