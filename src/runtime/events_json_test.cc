// SPDX-License-Identifier: Apache-2.0
#include "runtime/events_json.h"

#include <gtest/gtest.h>

namespace gantry::runtime {
namespace {

TEST(EventsJson, stats_have_the_names_that_runc_gives_them) {
  kernel::CgroupStats stats;
  stats.cpu.total = 7;
  stats.cpu.kernel = 3;
  stats.cpu.user = 4;
  stats.cpu.per_cpu = {5, 2};
  stats.cpu.throttled_periods = 1;
  stats.cpu.pressure = kernel::Pressure{.some = {.average_10s = 1.5, .total = 9}};
  stats.cpuset.cpus = {0, 1};
  stats.memory.memory = {.usage = 10, .max_usage = 20, .limit = kernel::kNoLimit, .fail_count = 1};
  stats.memory.raw["anon"] = 4;
  stats.pids.current = 2;
  stats.block_io.serviced.push_back({8, 0, "Read", 12});
  stats.hugetlb["2MB"].usage = 4096;
  EXPECT_EQ(
      stats_event("web", stats),
      R"({"type":"stats","id":"web","data":{"cpu":{"usage":{"total":7,"percpu":[5,2],"kernel":3,"user":4},)"
      R"("throttling":{"throttledPeriods":1},"psi":{"some":{"avg10":1.5,"avg60":0,"avg300":0,"total":9},)"
      R"("full":{"avg10":0,"avg60":0,"avg300":0,"total":0}}},"cpuset":{"cpus":[0,1],"cpu_exclusive":0,)"
      R"("mem_hardwall":0,"mem_exclusive":0,"memory_migrate":0,"memory_spread_page":0,"memory_spread_slab":0,)"
      R"("memory_pressure":0,"sched_load_balance":0,"sched_relax_domain_level":0},)"
      R"("memory":{"usage":{"limit":18446744073709551615,"usage":10,"max":20,"failcnt":1},)"
      R"("swap":{"limit":0,"failcnt":0},"kernel":{"limit":0,"failcnt":0},"kernelTCP":{"limit":0,"failcnt":0},)"
      R"("raw":{"anon":4}},"pids":{"current":2},)"
      R"("blkio":{"ioServicedRecursive":[{"major":8,"op":"Read","value":12}]},)"
      R"("hugetlb":{"2MB":{"usage":4096,"failcnt":0}},"intel_rdt":{},"network_interfaces":null}})");
}

TEST(EventsJson, oom_has_no_data) { EXPECT_EQ(oom_event("web"), R"({"type":"oom","id":"web"})"); }

}  // namespace
}  // namespace gantry::runtime
