// SPDX-License-Identifier: Apache-2.0
#include "kernel/cgroup_stats.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/file.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::kernel {
namespace {

class Group : public ::testing::Test {
 protected:
  void put(const std::string& file, std::string_view text) {
    MUST(replace_file_at(tree_.fd(), file, text, 0644));
  }
  CgroupStats read(const std::string& key) {
    MUST(make_directories(tree_ / "pages/hugepages-2048kB", 0755));
    Cgroup cgroup = MUST(Cgroup::open({{key, tree_.path()}}));
    return MUST(read_stats(cgroup, tree_ / "pages"));
  }
  testing::TempDir tree_;
};

TEST_F(Group, v2) {
  put("cgroup.controllers", "cpu io memory pids hugetlb\n");
  put("cpu.stat",
      "usage_usec 30\nuser_usec 20\nsystem_usec 10\nnr_periods 5\nnr_throttled 2\nthrottled_usec 7\n");
  put("cpu.pressure",
      "some avg10=1.50 avg60=2.25 avg300=0.00 total=99\nfull avg10=0.00 avg60=0.00 avg300=0.50 total=3\n");
  put("memory.stat", "anon 5\nfile 6\n");
  put("memory.current", "100\n");
  put("memory.peak", "150\n");
  put("memory.max", "200\n");
  put("memory.events", "low 0\nhigh 0\nmax 4\noom 1\n");
  put("memory.swap.current", "10\n");
  put("memory.swap.max", "50\n");
  put("pids.current", "3\n");
  put("pids.max", "max\n");
  put("io.stat", "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n");
  put("hugetlb.2MB.current", "4096\n");
  put("hugetlb.2MB.events", "max 6\n");
  const CgroupStats stats = read("");
  EXPECT_EQ(stats.cpu.total, 30'000U);
  EXPECT_EQ(stats.cpu.user, 20'000U);
  EXPECT_EQ(stats.cpu.kernel, 10'000U);
  EXPECT_EQ(stats.cpu.throttled_periods, 2U);
  EXPECT_EQ(stats.cpu.throttled_time, 7'000U);
  ASSERT_TRUE(stats.cpu.pressure);
  EXPECT_EQ(stats.cpu.pressure->some.average_60s, 2.25);
  EXPECT_EQ(stats.cpu.pressure->full.total, 3U);
  EXPECT_EQ(stats.memory.memory.usage, 100U);
  EXPECT_EQ(stats.memory.memory.max_usage, 150U);
  EXPECT_EQ(stats.memory.memory.fail_count, 4U);
  EXPECT_EQ(stats.memory.swap.usage, 110U);
  EXPECT_EQ(stats.memory.swap.limit, 250U);
  EXPECT_EQ(stats.memory.cache, 6U);
  EXPECT_EQ(stats.pids.current, 3U);
  EXPECT_EQ(stats.pids.limit, 0U);
  ASSERT_EQ(stats.block_io.serviced.size(), 2U);
  EXPECT_EQ(stats.block_io.serviced[1].operation, "Write");
  EXPECT_EQ(stats.block_io.serviced[1].value, 4U);
  EXPECT_EQ(stats.hugetlb.at("2MB").usage, 4096U);
  EXPECT_EQ(stats.hugetlb.at("2MB").fail_count, 6U);
}

TEST_F(Group, v1) {
  put("cpuacct.usage", "12345\n");
  put("cpuacct.stat", "user 3\nsystem 4\n");
  put("cpuacct.usage_percpu", "10 20 \n");
  put("cpuacct.usage_all", "cpu user system\n0 6 4\n1 15 5\n");
  put("cpu.stat", "nr_periods 1\nnr_throttled 2\nthrottled_time 3\n");
  put("cpuset.cpus", "0-1,3\n");
  put("cpuset.sched_relax_domain_level", "-1\n");
  put("blkio.throttle.io_serviced_recursive", "8:0 Read 124\n8:0 Write 104\n8:0 Total 228\nTotal 228\n");
  put("memory.memsw.usage_in_bytes", "8\n");
  const CgroupStats stats = read("cpu,cpuacct,cpuset,blkio,memory");
  const auto tick = 1'000'000'000ULL / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  EXPECT_EQ(stats.cpu.total, 12345U);
  EXPECT_EQ(stats.cpu.user, 3 * tick);
  EXPECT_EQ(stats.cpu.per_cpu, (std::vector<std::uint64_t>{10, 20}));
  EXPECT_EQ(stats.cpu.per_cpu_kernel, (std::vector<std::uint64_t>{4, 5}));
  EXPECT_EQ(stats.cpu.throttled_time, 3U);
  EXPECT_EQ(stats.cpuset.cpus, (std::vector<std::uint16_t>{0, 1, 3}));
  EXPECT_EQ(stats.cpuset.sched_relax_domain_level, -1);
  EXPECT_EQ(stats.block_io.serviced.size(), 3U);
  EXPECT_EQ(stats.memory.swap.usage, 8U);
  EXPECT_FALSE(stats.cpu.pressure);
}

TEST_F(Group, an_empty_one_is_all_zero) { EXPECT_EQ(read("memory").memory.memory.usage, 0U); }

TEST_F(Group, totals_of_v1_are_of_the_first_layer_that_counts_io) {
  put("cpuacct.usage", "12345\n");
  put("memory.usage_in_bytes", "100\n");
  put("memory.max_usage_in_bytes", "150\n");
  put("blkio.bfq.io_service_bytes_recursive", "Total 0\n");
  put("blkio.throttle.io_service_bytes_recursive",
      "8:0 Read 10\n8:0 Write 20\n8:0 Total 30\n8:16 Read 1\nTotal 31\n");
  Cgroup cgroup = MUST(Cgroup::open({{"cpuacct,blkio,memory", tree_.path()}}));
  const CgroupTotals totals = MUST(read_totals(cgroup));
  EXPECT_EQ(totals.cpu, 12345U);
  EXPECT_EQ(totals.memory, 100U);
  EXPECT_EQ(totals.memory_peak, 150U);
  EXPECT_EQ(totals.io_read, 11U);
  EXPECT_EQ(totals.io_written, 20U);
}

TEST_F(Group, totals_of_v2) {
  put("cgroup.controllers", "io memory\n");
  put("cpu.stat", "usage_usec 30\nuser_usec 20\n");
  put("memory.current", "100\n");
  put("memory.peak", "150\n");
  put("io.stat", "8:0 rbytes=1 wbytes=2 rios=3 wios=4\n8:16 rbytes=10 wbytes=20 rios=3 wios=4\n");
  Cgroup cgroup = MUST(Cgroup::open({{"", tree_.path()}}));
  const CgroupTotals totals = MUST(read_totals(cgroup));
  EXPECT_EQ(totals.cpu, 30'000U);
  EXPECT_EQ(totals.memory, 100U);
  EXPECT_EQ(totals.memory_peak, 150U);
  EXPECT_EQ(totals.io_read, 11U);
  EXPECT_EQ(totals.io_written, 22U);
}

TEST(RealCgroup, counts_this_process) {
  const CgroupLayout layout = MUST(CgroupLayout::read());
  std::vector<CgroupPlace> places;
  for (const Hierarchy& hierarchy : layout.hierarchies)
    if (hierarchy.own) places.push_back({hierarchy.key, hierarchy.mount + *hierarchy.own});
  if (places.empty()) GTEST_SKIP() << "no control groups are mounted";
  Cgroup cgroup = MUST(Cgroup::open(places));
  const auto stats = read_stats(cgroup);
  ASSERT_TRUE(stats) << stats.error().message();
  EXPECT_GT(stats->cpu.total, 0U);
}

}  // namespace
}  // namespace gantry::kernel
