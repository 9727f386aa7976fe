// SPDX-License-Identifier: Apache-2.0
#include "engine/usage_counters.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::engine {
namespace {

struct Host {
  testing::TempDir root;
  Host() {
    put("proc/self/mountinfo", "30 20 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    put("proc/self/cgroup", "0::/\n");
    put("proc/7/net/dev",
        "x\ny\n eth0: 10 1 0 0 0 0 0 0 20 1 0 0 0 0 0 0\n eth1: 1 1 0 0 0 0 0 0 2 1 0 0 0 0 0 0\n");
    put("sys/fs/cgroup/gantry/c1/cgroup.controllers", "cpu memory io\n");
    put("sys/fs/cgroup/gantry/c1/cpu.stat", "usage_usec 5\n");
    put("sys/fs/cgroup/gantry/c1/memory.current", "4096\n");
    put("sys/fs/cgroup/gantry/c1/memory.peak", "8192\n");
    put("sys/fs/cgroup/gantry/c1/io.stat",
        "8:0 rbytes=1 wbytes=2 rios=0 wios=0\n8:16 rbytes=10 wbytes=20 rios=0 wios=0\n");
  }
  void put(const std::string& path, const std::string& text) {
    MUST(make_directories(root / path.substr(0, path.rfind('/')), 0755));
    MUST(replace_file_at(root.fd(), path, text, 0644));
  }
};

TEST(UsageMeter, AddsUpDisksAndInterfaces) {
  Host host;
  const UsageCounters counters = MUST(MUST(UsageMeter::open(host.root.path())).read("/gantry/c1", 7));
  EXPECT_EQ(counters.cpu, 5000u);
  EXPECT_EQ(counters.memory, 4096u);
  EXPECT_EQ(counters.memory_peak, 8192u);
  EXPECT_EQ(counters.io_read, 11u);
  EXPECT_EQ(counters.io_written, 22u);
  EXPECT_EQ(counters.net_received, 11u);
  EXPECT_EQ(counters.net_sent, 22u);
}

TEST(UsageMeter, AGroupThatIsGoneIsNotFound) {
  Host host;
  EXPECT_EQ(MUST(UsageMeter::open(host.root.path())).read("/gantry/c2", 0).error().code(), Code::NotFound);
}

}  // namespace
}  // namespace gantry::engine
