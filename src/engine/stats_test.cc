// SPDX-License-Identifier: Apache-2.0
#include "engine/stats.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::engine {
namespace {

constexpr const char* kNetDev =
    "Inter-|   Receive                                                |  Transmit\n"
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls "
    "carrier compressed\n"
    "    lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0 "
    " 0  0\n"
    "  eth0:    1296      16    1    2    0     0          0         0      816      10    3    4    0     0 "
    " 0  0\n";

// A host with cgroup v2 as files.
struct Host {
  testing::TempDir root;
  Host() {
    put("proc/self/mountinfo", "30 20 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    put("proc/self/cgroup", "0::/\n");
    put("proc/stat",
        "cpu  100 0 50 800 30 10 10 0 0 0\ncpu0 50 0 25 400 15 5 5 0 0 0\ncpu1 50 0 25 400 15 5 5 0 0 "
        "0\nintr 1\n");
    put("proc/meminfo", "MemTotal:        1024 kB\nMemFree: 1 kB\n");
    put("proc/7/net/dev", kNetDev);
    const std::string group = "sys/fs/cgroup/gantry/c1/";
    put(group + "cgroup.controllers", "cpu memory io pids\n");
    put(group + "cpu.stat",
        "usage_usec 2000\nuser_usec 1500\nsystem_usec 500\nnr_periods 4\nnr_throttled 3\nthrottled_usec 7\n");
    put(group + "memory.current", "65536\n");
    put(group + "memory.max", "max\n");
    put(group + "memory.stat", "anon 4096\ninactive_file 1024\n");
    put(group + "pids.current", "5\n");
    put(group + "pids.max", "100\n");
    put(group + "io.stat", "254:0 rbytes=100 wbytes=200 rios=1 wios=2 dbytes=0 dios=0\n");
  }
  void put(const std::string& path, const std::string& text) {
    MUST(make_directories(root / path.substr(0, path.rfind('/')), 0755));
    MUST(replace_file_at(root.fd(), path, text, 0644));
  }
};

TEST(NetDev, InterfacesButNotLo) {
  const auto interfaces = parse_net_dev(kNetDev);
  ASSERT_EQ(interfaces.size(), 1u);
  EXPECT_EQ(interfaces[0].name, "eth0");
  EXPECT_EQ(interfaces[0].rx_bytes, 1296u);
  EXPECT_EQ(interfaces[0].rx_dropped, 2u);
  EXPECT_EQ(interfaces[0].tx_bytes, 816u);
  EXPECT_EQ(interfaces[0].tx_errors, 3u);
  EXPECT_TRUE(parse_net_dev("").empty());
  EXPECT_EQ(parse_net_dev("x\ny:\n").size(), 1u);
}

TEST(Stats, AreThoseOfTheKernelsFiles) {
  Host host;
  StatsSource source = MUST(StatsSource::open("/gantry/c1", 7, host.root.path()));
  const StatsSample before = MUST(source.read()), now = MUST(source.read());
  EXPECT_EQ(now.cgroup.cpu.total, 2'000'000u);
  EXPECT_EQ(now.online_cpus, 2u);
  EXPECT_EQ(now.system_cpu, 1000 * (1'000'000'000ull / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK))));

  const auto document =
      MUST(json::Document::parse(stats_json({.id = "c1", .name = "/web", .now = &now, .before = &before})));
  const json::Value root = document.root();
  EXPECT_EQ(root.find("name")->as_string(), "/web");
  EXPECT_EQ(root.find("cpu_stats")->find("cpu_usage")->find("total_usage")->as_uint64(), 2'000'000u);
  EXPECT_EQ(root.find("cpu_stats")->find("throttling_data")->find("throttled_time")->as_uint64(), 7000u);
  EXPECT_EQ(root.find("precpu_stats")->find("online_cpus")->as_uint64(), 2u);
  EXPECT_EQ(root.find("memory_stats")->find("limit")->as_uint64(), 1024u * 1024) << "the host's, without one";
  EXPECT_EQ(root.find("memory_stats")->find("stats")->find("inactive_file")->as_uint64(), 1024u);
  EXPECT_FALSE(root.find("memory_stats")->find("failcnt")) << "of cgroup v1 only";
  EXPECT_EQ(root.find("pids_stats")->find("limit")->as_uint64(), 100u);
  EXPECT_EQ(root.find("networks")->find("eth0")->find("tx_packets")->as_uint64(), 10u);
  const json::Value io = *root.find("blkio_stats")->find("io_service_bytes_recursive");
  ASSERT_EQ(io.size(), 2u);
  EXPECT_EQ(io.at(0).find("op")->as_string(), "read");
  EXPECT_EQ(io.at(1).find("value")->as_uint64(), 200u);
}

TEST(Stats, OfAContainerThatDoesNotRunAreZeros) {
  const auto document = MUST(json::Document::parse(stats_json({.id = "c1", .name = "/web"})));
  EXPECT_EQ(document.root().find("read")->as_string(), "0001-01-01T00:00:00Z");
  EXPECT_EQ(document.root().find("cpu_stats")->find("cpu_usage")->find("total_usage")->as_uint64(), 0u);
  EXPECT_EQ(document.root().find("memory_stats")->size(), 0u);
  EXPECT_FALSE(document.root().find("networks"));
}

TEST(Stats, AContainerThatHasEndedIsNotFound) {
  Host host;
  StatsSource source = MUST(StatsSource::open("/gantry/c1", 8, host.root.path()));
  EXPECT_EQ(source.read().error().code(), Code::NotFound);
  EXPECT_EQ(StatsSource::open("/gantry/c2", 7, host.root.path()).error().code(), Code::NotFound);
}

}  // namespace
}  // namespace gantry::engine
