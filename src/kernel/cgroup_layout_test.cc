// SPDX-License-Identifier: Apache-2.0
#include "kernel/cgroup_layout.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::kernel {
namespace {

constexpr std::string_view kV2Mounts =
    "22 27 0:21 / /proc rw,relatime - proc proc rw\n"
    "31 23 0:28 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
    "27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard\n";

constexpr std::string_view kMixedMounts =
    "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
    "40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";

constexpr std::string_view kMixedSelf =
    "9:name=systemd:/system.slice/x.service\n"
    "4:memory:/api/a\n"
    "1:cpu,cpuacct:/\n"
    "0::/system.slice/x.service\n";

TEST(CgroupLayout, one_v2_mount_is_v2) {
  const CgroupLayout layout = CgroupLayout::parse(kV2Mounts, "0::/user.slice/session-1.scope\n");
  EXPECT_EQ(layout.mode(), CgroupMode::V2);
  ASSERT_NE(layout.v2(), nullptr);
  EXPECT_EQ(layout.v2()->mount, "/sys/fs/cgroup");
  EXPECT_EQ(layout.v2()->own, "/user.slice/session-1.scope");
  EXPECT_EQ(layout.v1_with(Controller::Memory), nullptr);
}

TEST(CgroupLayout, v1_beside_v2_is_mixed_and_v2_comes_last) {
  const CgroupLayout layout = CgroupLayout::parse(kMixedMounts, kMixedSelf);
  EXPECT_EQ(layout.mode(), CgroupMode::Mixed);
  ASSERT_EQ(layout.hierarchies.size(), 4U);
  EXPECT_EQ(layout.v2()->mount, "/sys/fs/cgroup/unified");
  EXPECT_EQ(layout.v1_with(Controller::Memory)->own, "/api/a");
  EXPECT_EQ(layout.v1_with(Controller::Cpu)->own, "");
  EXPECT_EQ(layout.hierarchies[0].key, "name=systemd");
  EXPECT_TRUE(layout.hierarchies[0].controllers().is_empty());
}

TEST(CgroupLayout, controllers_mounted_together_are_one_hierarchy) {
  const CgroupLayout layout = CgroupLayout::parse(kMixedMounts, kMixedSelf);
  EXPECT_EQ(layout.v1_with(Controller::Cpu), layout.v1_with(Controller::Cpuacct));
  EXPECT_EQ(layout.v1_controllers(),
            (ControllerSet{Controller::Cpu, Controller::Cpuacct, Controller::Memory}));
}

TEST(CgroupLayout, without_the_v2_mount_it_is_v1_though_every_process_has_a_v2_group) {
  const std::string_view v1_only = kMixedMounts.substr(0, kMixedMounts.find("41 31"));
  EXPECT_EQ(CgroupLayout::parse(v1_only, kMixedSelf).mode(), CgroupMode::V1);
}

TEST(CgroupLayout, a_mount_that_something_is_mounted_on_does_not_count) {
  const std::string hidden =
      std::string(kMixedMounts) + "50 41 0:40 / /sys/fs/cgroup/unified rw - tmpfs none rw\n";
  EXPECT_EQ(CgroupLayout::parse(hidden, kMixedSelf).mode(), CgroupMode::V1);
  const std::string all_hidden =
      std::string(kMixedMounts) + "50 31 0:40 / /sys/fs/cgroup rw - tmpfs none rw\n";
  EXPECT_EQ(CgroupLayout::parse(all_hidden, kMixedSelf).mode(), CgroupMode::None);
}

TEST(CgroupLayout, no_mount_at_all_is_none) {
  EXPECT_EQ(CgroupLayout::parse("", "").mode(), CgroupMode::None);
  EXPECT_EQ(CgroupLayout::parse("garbage\n1 2 3\n - cgroup\n", "x\n::\n4:memory\n").mode(), CgroupMode::None);
}

TEST(CgroupLayout, inside_a_container_the_mount_shows_a_part) {
  constexpr std::string_view kMounts =
      "35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
      "36 31 0:33 /docker/abc /sys/fs/cgroup/pids ro - cgroup cgroup rw,pids\n"
      "37 31 0:34 /docker/abc /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n";
  const CgroupLayout layout =
      CgroupLayout::parse(kMounts, "3:memory:/docker/abc/sub\n2:pids:/docker/abc\n1:cpu:/docker/abcdef\n");
  EXPECT_EQ(layout.v1_with(Controller::Memory)->own, "/sub");
  EXPECT_EQ(layout.v1_with(Controller::Pids)->own, "");
  EXPECT_EQ(layout.v1_with(Controller::Cpu)->own, std::nullopt);
}

TEST(CgroupLayout, a_group_outside_the_cgroup_namespace_or_gone_is_nowhere) {
  EXPECT_EQ(CgroupLayout::parse(kV2Mounts, "0::/../other\n").v2()->own, std::nullopt);
  EXPECT_EQ(CgroupLayout::parse(kV2Mounts, "0::/x (deleted)\n").v2()->own, std::nullopt);
}

TEST(CgroupLayout, of_two_mounts_the_one_that_shows_the_own_group_is_taken) {
  constexpr std::string_view kMounts =
      "30 1 0:28 /elsewhere /mnt/part rw - cgroup2 cgroup2 rw\n"
      "31 1 0:28 / /mnt/with\\040space rw - cgroup2 cgroup2 rw\n";
  const CgroupLayout layout = CgroupLayout::parse(kMounts, "0::/a\n");
  EXPECT_EQ(layout.v2()->mount, "/mnt/with space");
  EXPECT_EQ(layout.v2()->own, "/a");
}

TEST(CgroupLayout, is_read_below_a_root_of_the_tests_own) {
  testing::TempDir root;
  MUST(make_directories(root / "proc/self", 0755));
  MUST(replace_file_at(root.fd(), "proc/self/mountinfo", kV2Mounts, 0644));
  MUST(replace_file_at(root.fd(), "proc/self/cgroup", "0::/a\n", 0644));
  EXPECT_EQ(MUST(CgroupLayout::read(root.path())).v2()->mount, root / "sys/fs/cgroup");
}

TEST(CgroupLayout, of_this_host_can_be_read) { (void)MUST(CgroupLayout::read()); }

TEST(ControllerSet, speaks_both_dialects) {
  EXPECT_TRUE(ControllerSet::parse("cpu,blkio", ",", CgroupVersion::V1).contains(Controller::Io));
  EXPECT_FALSE(ControllerSet::parse("cpu,blkio", ",", CgroupVersion::V2).contains(Controller::Io));
  const ControllerSet set = ControllerSet::parse("cpu io memory nonsense\n", " \n", CgroupVersion::V2);
  EXPECT_EQ(set.text(CgroupVersion::V2, "+"), "+cpu +memory +io");
  EXPECT_EQ(set.text(CgroupVersion::V1), "cpu memory blkio");
}

}  // namespace
}  // namespace gantry::kernel
