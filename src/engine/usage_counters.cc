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
  using enum kernel::Controller;
  constexpr kernel::ControllerSet kCounting = {Cpuacct, Memory, Io};
  kernel::CgroupLayout layout = TRY(kernel::CgroupLayout::read(root));
  std::erase_if(layout.hierarchies, [&](const kernel::Hierarchy& hierarchy) {
    return hierarchy.version() == kernel::CgroupVersion::V1 &&
           (hierarchy.controllers() & kCounting).is_empty();
  });
  return UsageMeter(std::move(layout), root);
}

Result<UsageCounters> UsageMeter::read(const std::string& cgroup_path, pid_t pid) const {
  std::vector<kernel::CgroupPlace> places;
  for (const kernel::Hierarchy& hierarchy : layout_.hierarchies) {
    std::string path = hierarchy.mount + cgroup_path;
    if (::access(path.c_str(), F_OK) == 0) places.push_back({.key = hierarchy.key, .path = std::move(path)});
  }
  if (places.empty()) return error(Code::NotFound, "there is no control group '{}'", cgroup_path);
  kernel::Cgroup cgroup = TRY(kernel::Cgroup::open(std::move(places)));
  const kernel::CgroupTotals totals = TRY(kernel::read_totals(cgroup));
  UsageCounters counters{.cpu = totals.cpu,
                         .memory = totals.memory,
                         .memory_peak = totals.memory_peak,
                         .io_read = totals.io_read,
                         .io_written = totals.io_written};
  if (pid == 0) return counters;
  for (const InterfaceStats& one :
       parse_net_dev(TRY(read_file(fmt::format("{}/proc/{}/net/dev", root_, pid))))) {
    counters.net_received += one.rx_bytes;
    counters.net_sent += one.tx_bytes;
  }
  return counters;
}

}  // namespace gantry::engine
