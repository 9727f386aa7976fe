// SPDX-License-Identifier: Apache-2.0
#include "limits/resources.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "kernel/namespaces.h"
#include "limits/cgroup_path.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::limits {
namespace {

using kernel::Cgroup;
using kernel::CgroupLayout;
using kernel::Controller;

TEST(Conversion, cpu_shares_keep_least_default_and_most) {
  EXPECT_EQ(cpu_weight_of(1), 1U);
  EXPECT_EQ(cpu_weight_of(2), 1U);
  EXPECT_EQ(cpu_weight_of(512), 59U);
  EXPECT_EQ(cpu_weight_of(1024), 100U);
  EXPECT_EQ(cpu_weight_of(2048), 174U);
  EXPECT_EQ(cpu_weight_of(262144), 10000U);
  EXPECT_EQ(cpu_weight_of(~0ULL), 10000U);
}

TEST(Conversion, block_io_weight_is_stretched) {
  EXPECT_EQ(io_weight_of(10), 1U);
  EXPECT_EQ(io_weight_of(500), 4950U);
  EXPECT_EQ(io_weight_of(1000), 10000U);
}

TEST(Conversion, swap_is_what_goes_beyond_memory) {
  const auto swap_max = [](std::optional<std::int64_t> limit, std::optional<std::int64_t> swap) {
    auto result = swap_max_of({.limit = limit, .swap = swap});
    return result ? *result : "error: " + result.error().message();
  };
  EXPECT_EQ(swap_max(100, 300), "200");
  EXPECT_EQ(swap_max(100, 100), "0");
  EXPECT_EQ(swap_max(100, -1), "max");
  EXPECT_EQ(swap_max(100, {}), "");
  EXPECT_EQ(swap_max(-1, {}), "max");
  EXPECT_EQ(swap_max(-1, 300), "300");
  EXPECT_EQ(swap_max({}, 300).substr(0, 6), "error:");
  EXPECT_EQ(swap_max(300, 100).substr(0, 6), "error:");
  EXPECT_EQ(swap_max(-2, 100).substr(0, 6), "error:");
}

TEST(DeviceRules, those_of_every_container_come_last) {
  oci::Resources resources;
  resources.devices.push_back({.allow = false, .access = "rwm"});
  const auto rules = MUST(device_rules(resources));
  ASSERT_EQ(rules.size(), 11U);
  EXPECT_EQ(to_text(rules[0]), "a *:* rwm");
  EXPECT_EQ(to_text(rules[1]), "c *:* m");
  EXPECT_EQ(to_text(rules.back()), "c 136:* rwm");
}

TEST(DeviceRules, bad_ones_name_the_field) {
  oci::Resources resources;
  resources.devices.push_back({.allow = true, .type = "c", .major = -7});
  EXPECT_EQ(device_rules(resources).error().message(),
            "linux.resources.devices[0].major: -7 is no device number");
  resources.devices[0] = {.allow = true, .type = "p"};
  EXPECT_FALSE(device_rules(resources));
  resources.devices[0] = {.allow = true, .type = "c", .access = "rx"};
  EXPECT_FALSE(device_rules(resources));
}

// ---- v2, on a directory that looks like it. Device rules need the kernel, hence `rootless`.

class FakeV2 : public ::testing::Test {
 protected:
  void SetUp() override {
    MUST(make_directories(tree_ / "x", 0755));
    put("cgroup.controllers", "cpuset cpu io memory hugetlb pids rdma\n");
    for (const char* file :
         {"cpu.weight", "cpu.max", "cpu.max.burst", "cpu.idle", "cpuset.cpus", "cpuset.mems", "io.max",
          "io.weight", "memory.max", "memory.low", "memory.high", "memory.swap.max", "pids.max",
          "hugetlb.2MB.max", "hugetlb.2MB.rsvd.max", "rdma.max"})
      put(file, "");
  }
  void put(const std::string& file, std::string_view text) {
    MUST(replace_file_at(tree_.fd(), "x/" + file, text, 0644));
  }
  std::string get(const std::string& file) { return MUST(read_file(tree_ / ("x/" + file))); }
  Result<void> apply(const oci::Resources& resources) {
    Cgroup cgroup = MUST(Cgroup::open({{"", tree_ / "x"}}));
    warnings_.clear();
    return apply_resources(cgroup, resources, {.purpose = Purpose::Update}, warnings_);
  }
  testing::TempDir tree_;
  std::vector<std::string> warnings_;
};

TEST_F(FakeV2, memory) {
  oci::Resources resources;
  resources.memory = {.limit = 1000, .reservation = 500, .swap = 3000};
  MUST(apply(resources));
  EXPECT_EQ(get("memory.max"), "1000");
  EXPECT_EQ(get("memory.low"), "500");
  EXPECT_EQ(get("memory.swap.max"), "2000");
}

TEST_F(FakeV2, what_v2_does_not_have_is_a_warning_or_an_error) {
  oci::Resources resources;
  resources.memory = {.limit = -1, .kernel = 5, .swappiness = 10, .disable_oom_killer = true};
  MUST(apply(resources));
  EXPECT_EQ(get("memory.max"), "max");
  EXPECT_EQ(warnings_.size(), 3U);
  resources = {};
  resources.cpu.emplace().realtime_runtime = 1000;
  EXPECT_EQ(apply(resources).error().message(),
            "linux.resources.cpu.realtimeRuntime: cgroup v2 has no such setting");
  resources = {};
  resources.network.emplace().class_id = 1;
  EXPECT_FALSE(apply(resources));
}

TEST_F(FakeV2, a_limit_below_what_is_in_use_is_refused_when_asked_to_look) {
  put("memory.current", "2000\n");
  oci::Resources resources;
  resources.memory = {.limit = 1000, .check_before_update = true};
  EXPECT_EQ(apply(resources).error().message(),
            "linux.resources.memory.limit: 1000 is not more than the 2000 bytes in use");
  EXPECT_EQ(get("memory.max"), "");
}

TEST_F(FakeV2, cpu) {
  oci::Resources resources;
  resources.cpu = {
      .shares = 1024, .quota = 50000, .burst = 1000, .period = 200000, .cpus = "0-1", .mems = "0"};
  MUST(apply(resources));
  EXPECT_EQ(get("cpu.weight"), "100");
  EXPECT_EQ(get("cpu.max"), "50000 200000");
  EXPECT_EQ(get("cpu.max.burst"), "1000");
  EXPECT_EQ(get("cpuset.cpus"), "0-1");
  EXPECT_EQ(get("cpuset.mems"), "0");
  put("cpu.max", "");
  resources.cpu = {.quota = -1, .idle = 1};
  MUST(apply(resources));
  EXPECT_EQ(get("cpu.max"), "max 100000");
  EXPECT_EQ(get("cpu.idle"), "1");
}

TEST_F(FakeV2, pids_io_huge_pages_rdma) {
  oci::Resources resources;
  resources.pids = oci::PidsResources{.limit = 0};
  resources.block_io.emplace();
  resources.block_io->weight = 500;
  resources.block_io->throttle_read_bps_device = {{8, 0, 1000}};
  resources.hugepage_limits = {{"2MB", 4096}};
  resources.rdma["mlx5_0"] = {.hca_handles = 3, .hca_objects = 10};
  MUST(apply(resources));
  EXPECT_EQ(get("pids.max"), "max");
  EXPECT_EQ(get("io.weight"), "default 4950");
  EXPECT_EQ(get("io.max"), "8:0 rbps=1000");
  EXPECT_EQ(get("hugetlb.2MB.max"), "4096");
  EXPECT_EQ(get("hugetlb.2MB.rsvd.max"), "4096");
  EXPECT_EQ(get("rdma.max"), "mlx5_0 hca_handle=3 hca_object=10");
  put("io.bfq.weight", "");
  put("io.weight", "");
  put("io.max", "");
  resources.block_io->throttle_read_bps_device = {};
  resources.block_io->throttle_write_iops_device = {{8, 0, 0}};
  MUST(apply(resources));
  EXPECT_EQ(get("io.bfq.weight"), "500");
  EXPECT_EQ(get("io.weight"), "");
  EXPECT_EQ(get("io.max"), "8:0 wiops=max");
}

TEST_F(FakeV2, unified_keys_are_files) {
  oci::Resources resources;
  resources.unified["memory.high"] = "7";
  MUST(apply(resources));
  EXPECT_EQ(get("memory.high"), "7");
  for (const char* key : {"../x/memory.high", "memory", ".high", ""}) {
    resources.unified = {{key, "1"}};
    EXPECT_EQ(apply(resources).error().code(), Code::InvalidArgument) << key;
  }
}

TEST_F(FakeV2, a_page_size_is_not_a_path) {
  oci::Resources resources;
  resources.hugepage_limits = {{"../../2MB", 1}};
  EXPECT_EQ(apply(resources).error().code(), Code::InvalidArgument);
}

TEST_F(FakeV2, a_controller_that_is_missing_is_an_error_or_rootless_a_warning) {
  put("cgroup.controllers", "cpu\n");
  oci::Resources resources;
  resources.memory.emplace().limit = 1000;
  const auto applied = apply(resources);
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().message(),
            "linux.resources.memory.limit: the cgroup controller 'memory' is not available in '" +
                (tree_ / "x") + "'");
  Cgroup cgroup = MUST(Cgroup::open({{"", tree_ / "x"}}));
  MUST(apply_resources(cgroup, resources, {.purpose = Purpose::Create, .rootless = true}, warnings_));
  ASSERT_EQ(warnings_.size(), 1U);
  EXPECT_NE(warnings_[0].find("not delegated"), std::string::npos);
}

TEST(NoV2, unified_keys_say_so) {
  testing::TempDir tree;
  Cgroup cgroup = MUST(Cgroup::open({{"memory", tree.path()}}));
  oci::Resources resources;
  resources.unified["memory.high"] = "7";
  std::vector<std::string> warnings;
  EXPECT_EQ(apply_resources(cgroup, resources, {.purpose = Purpose::Update}, warnings).error().message(),
            "linux.resources.unified['memory.high']: this host has no cgroup v2");
}

// ---- this host's own hierarchies

class RealV1 : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root to make control groups";
    layout_ = MUST(CgroupLayout::read());
    if (layout_.v1_with(Controller::Memory) == nullptr || layout_.v1_with(Controller::Cpu) == nullptr ||
        layout_.v1_with(Controller::Devices) == nullptr)
      GTEST_SKIP() << "memory, cpu and devices are not v1 controllers here";
  }
  Cgroup create(const oci::Resources& resources) {
    const kernel::CgroupPlan plan =
        MUST(plan_cgroup(layout_, "/gantry-resources-test-" + std::to_string(::getpid()), "x", resources));
    return MUST(Cgroup::create(plan));
  }
  Result<void> update(Cgroup& cgroup, const oci::Resources& resources) {
    Cgroup again = MUST(Cgroup::open(cgroup.places()));
    return apply_resources(again, resources, {.purpose = Purpose::Update}, warnings_);
  }
  std::string get(Cgroup& cgroup, Controller controller, const char* file) {
    std::string text = MUST(cgroup.read(controller, file));
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
  }
  CgroupLayout layout_;
  std::vector<std::string> warnings_;
};

TEST_F(RealV1, the_kernel_shows_what_was_asked_for) {
  oci::Resources resources;
  resources.memory = {
      .limit = 64 << 20, .reservation = 32 << 20, .swappiness = 10, .disable_oom_killer = true};
  resources.cpu = {.shares = 512, .quota = 50000, .burst = 10000, .period = 200000, .cpus = "0", .mems = "0"};
  resources.pids = oci::PidsResources{.limit = 77};
  Cgroup cgroup = create(resources);
  MUST(apply_resources(cgroup, resources, {}, warnings_));
  EXPECT_EQ(get(cgroup, Controller::Memory, "memory.limit_in_bytes"), "67108864");
  EXPECT_EQ(get(cgroup, Controller::Memory, "memory.soft_limit_in_bytes"), "33554432");
  EXPECT_EQ(get(cgroup, Controller::Memory, "memory.swappiness"), "10");
  EXPECT_NE(get(cgroup, Controller::Memory, "memory.oom_control").find("oom_kill_disable 1"),
            std::string::npos);
  EXPECT_EQ(get(cgroup, Controller::Cpu, "cpu.shares"), "512");
  EXPECT_EQ(get(cgroup, Controller::Cpu, "cpu.cfs_quota_us"), "50000");
  EXPECT_EQ(get(cgroup, Controller::Cpu, "cpu.cfs_period_us"), "200000");
  EXPECT_EQ(get(cgroup, Controller::Cpu, "cpu.cfs_burst_us"), "10000");
  EXPECT_EQ(get(cgroup, Controller::Cpuset, "cpuset.cpus"), "0");
  EXPECT_EQ(get(cgroup, Controller::Pids, "pids.max"), "77");
  EXPECT_TRUE(warnings_.empty()) << warnings_[0];
}

TEST_F(RealV1, memory_and_swap_go_up_and_down_in_the_right_order) {
  oci::Resources resources;
  Cgroup cgroup = create(resources);
  if (!cgroup.read(Controller::Memory, "memory.memsw.limit_in_bytes"))
    GTEST_SKIP() << "no swap accounting here";
  for (const auto& [limit, swap] :
       std::initializer_list<std::pair<std::int64_t, std::int64_t>>{{64 << 20, 64 << 20},
                                                                    {256 << 20, 512 << 20},
                                                                    {32 << 20, 48 << 20},
                                                                    {128 << 20, -1},
                                                                    {16 << 20, 16 << 20}}) {
    resources.memory = {.limit = limit, .swap = swap};
    MUST(update(cgroup, resources));
    EXPECT_EQ(get(cgroup, Controller::Memory, "memory.limit_in_bytes"), std::to_string(limit));
    if (swap > 0) {
      EXPECT_EQ(get(cgroup, Controller::Memory, "memory.memsw.limit_in_bytes"), std::to_string(swap));
    }
  }
  resources.memory = {.limit = -1};
  MUST(update(cgroup, resources));
  EXPECT_GT(get(cgroup, Controller::Memory, "memory.limit_in_bytes").size(), 15U);
  resources.memory = {.limit = 64 << 20, .swap = 32 << 20};
  EXPECT_FALSE(update(cgroup, resources));
}

TEST_F(RealV1, quota_period_and_burst_change_together) {
  oci::Resources resources;
  Cgroup cgroup = create(resources);
  for (const auto& [quota, period, burst] : std::initializer_list<std::tuple<int, int, int>>{
           {50000, 100000, 50000}, {20000, 50000, 10000}, {900000, 1000000, 900000}, {10000, 20000, 0}}) {
    resources.cpu.emplace();
    resources.cpu->quota = quota;
    resources.cpu->period = period;
    resources.cpu->burst = burst;
    MUST(update(cgroup, resources));
    EXPECT_EQ(get(cgroup, Controller::Cpu, "cpu.cfs_quota_us"), std::to_string(quota));
    EXPECT_EQ(get(cgroup, Controller::Cpu, "cpu.cfs_burst_us"), std::to_string(burst));
  }
  resources.cpu->quota = 1;
  EXPECT_EQ(update(cgroup, resources).error().message(), "linux.resources.cpu.quota: write '1' to '" +
                                                             cgroup.place_of(Controller::Cpu)->path +
                                                             "/cpu.cfs_quota_us': Invalid argument (EINVAL)");
}

TEST_F(RealV1, idle_comes_and_goes_with_shares) {
  oci::Resources resources;
  Cgroup cgroup = create(resources);
  if (!cgroup.read(Controller::Cpu, "cpu.idle")) GTEST_SKIP() << "no cpu.idle here";
  resources.cpu = {.shares = 100, .idle = 1};
  MUST(update(cgroup, resources));
  EXPECT_EQ(get(cgroup, Controller::Cpu, "cpu.idle"), "1");
  resources.cpu = {.shares = 300, .idle = 0};
  MUST(update(cgroup, resources));
  EXPECT_EQ(get(cgroup, Controller::Cpu, "cpu.idle"), "0");
  EXPECT_EQ(get(cgroup, Controller::Cpu, "cpu.shares"), "300");
  resources.cpu = {.shares = 1};
  EXPECT_FALSE(update(cgroup, resources));
}

TEST_F(RealV1, devices_are_closed_to_a_process_in_the_group) {
  oci::Resources resources;
  resources.devices.push_back({.allow = false, .access = "rwm"});
  Cgroup cgroup = create(resources);
  MUST(apply_resources(cgroup, resources, {}, warnings_));
  const auto opens = [&](mode_t type, unsigned major, unsigned minor) {
    testing::TempDir dir;
    MUST(cgroup.prepare_join());
    const pid_t pid = MUST(kernel::clone_process({.cgroup = cgroup.into_cgroup_fd()}));
    if (pid == 0) {
      if (!cgroup.join_self()) ::_exit(100);
      if (::mknodat(dir.fd(), "node", type | 0600, makedev(major, minor)) < 0) ::_exit(101);
      ::_exit(::openat(dir.fd(), "node", O_RDONLY | O_NONBLOCK) >= 0 ? 0 : errno);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    return WEXITSTATUS(status);
  };
  EXPECT_EQ(opens(S_IFCHR, 1, 3), 0);
  EXPECT_EQ(opens(S_IFCHR, 1, 11), EPERM);  // kmsg
  const std::string closed = get(cgroup, Controller::Devices, "devices.list");
  oci::Resources more = resources;
  more.devices.push_back({.allow = true, .type = "c", .major = 1, .minor = 11, .access = "r"});
  MUST(update(cgroup, more));
  EXPECT_EQ(opens(S_IFCHR, 1, 11), 0);
  MUST(update(cgroup, {}));  // no rules: they stay
  EXPECT_EQ(opens(S_IFCHR, 1, 11), 0);
  MUST(update(cgroup, resources));
  EXPECT_EQ(opens(S_IFCHR, 1, 11), EPERM);
  EXPECT_EQ(get(cgroup, Controller::Devices, "devices.list"), closed);
}

TEST_F(RealV1, what_this_host_does_not_have_names_field_file_and_reason) {
  oci::Resources resources;
  Cgroup cgroup = create(resources);
  if (layout_.v1_with(Controller::NetCls) == nullptr) {
    resources.network.emplace().class_id = 5;
    EXPECT_FALSE(update(cgroup, resources));
    resources = {};
  }
  if (layout_.v2() != nullptr) {
    resources.unified["memory.high"] = "1000";
    EXPECT_EQ(
        update(cgroup, resources).error().message(),
        "linux.resources.unified['memory.high']: the controller 'memory' is one of cgroup v1 on this host");
  }
}

TEST_F(RealV1, beside_v1_the_v2_hierarchy_gives_what_it_has) {
  oci::Resources resources;
  resources.hugepage_limits = {{"2MB", 4 << 20}};
  if (layout_.v1_with(Controller::Hugetlb) != nullptr || layout_.v2() == nullptr ||
      MUST(read_file(layout_.v2()->mount + "/cgroup.controllers")).find("hugetlb") == std::string::npos)
    GTEST_SKIP() << "hugetlb is not a v2 controller here";
  // Enabling it is a change to the root group that outlives the test, so only where somebody did it before.
  if (MUST(read_file(layout_.v2()->mount + "/cgroup.subtree_control")).find("hugetlb") == std::string::npos)
    GTEST_SKIP() << "hugetlb is not enabled below the root of v2";
  Cgroup cgroup = create(resources);
  MUST(apply_resources(cgroup, resources, {}, warnings_));
  EXPECT_EQ(MUST(cgroup.read_v2("hugetlb.2MB.max")), "4194304\n");
}

}  // namespace
}  // namespace gantry::limits
