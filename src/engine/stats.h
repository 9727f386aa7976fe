// SPDX-License-Identifier: Apache-2.0
//
// What a container uses, as Docker's `GET /containers/{id}/stats` says it (ContainerStatsResponse): right on
// cgroup v1, v2 and mixed hosts.
//
//   StatsSource source = TRY(StatsSource::open(cgroup_path, pid));
//   StatsSample sample = TRY(source.read());
//   std::string line = stats_json({.id = id, .name = "/web", .now = &sample, .before = nullptr});
//
// A source keeps the control group's directories open, so that reading costs a read a file. One thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "kernel/cgroup.h"
#include "kernel/cgroup_stats.h"

namespace gantry::engine {

struct InterfaceStats {
  std::string name;
  std::uint64_t rx_bytes = 0, rx_packets = 0, rx_errors = 0, rx_dropped = 0;
  std::uint64_t tx_bytes = 0, tx_packets = 0, tx_errors = 0, tx_dropped = 0;
};

struct StatsSample {
  std::int64_t time = 0;  // nanoseconds since 1970
  kernel::CgroupStats cgroup;
  bool has_v1_memory = false;    // its figures are those of cgroup v1
  std::uint64_t system_cpu = 0;  // nanoseconds that all CPUs of the host together have worked
  std::uint32_t online_cpus = 0;
  std::uint64_t host_memory = 0;           // bytes
  std::vector<InterfaceStats> interfaces;  // without "lo"
};

class StatsSource {
 public:
  // `cgroup_path` is below each hierarchy ("/gantry/<id>"), `pid` the first process, which is asked for
  // interfaces; 0: it has none of its own (the host's network, another container's). `root` stands in front
  // of /proc and /sys, for tests. NotFound when there is no such group.
  static Result<StatsSource> open(const std::string& cgroup_path, pid_t pid, const std::string& root = "");

  // NotFound when the first process has ended.
  Result<StatsSample> read();

 private:
  StatsSource(kernel::Cgroup cgroup, pid_t pid, std::string root)
      : cgroup_(std::move(cgroup)), pid_(pid), root_(std::move(root)) {}
  kernel::Cgroup cgroup_;
  pid_t pid_;
  std::string root_;
};

struct StatsLine {
  std::string id;
  std::string name;                     // with the slash: "/web"
  const StatsSample* now = nullptr;     // null: the container does not run
  const StatsSample* before = nullptr;  // null: there was none
};
// One JSON object, without a newline.
std::string stats_json(const StatsLine& line);

// /proc/<pid>/net/dev.
std::vector<InterfaceStats> parse_net_dev(std::string_view text);

}  // namespace gantry::engine
