// SPDX-License-Identifier: Apache-2.0
#include "limits/cgroup_path.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::limits {
namespace {

using kernel::CgroupLayout;
using kernel::Controller;
using kernel::ControllerSet;

const CgroupLayout kV2{.hierarchies = {{"", "/sys/fs/cgroup", "/user.slice/session-1.scope"}}};
const CgroupLayout kMixed{.hierarchies = {{"memory", "/sys/fs/cgroup/memory", "/api/a"},
                                          {"cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct", ""},
                                          {"", "/sys/fs/cgroup/unified", "/x"}}};

std::vector<std::string> paths(const CgroupLayout& layout, std::string_view cgroups_path) {
  std::vector<std::string> paths;
  for (const auto& place : MUST(plan_cgroup(layout, cgroups_path, "id", {})).places)
    paths.push_back(place.path);
  return paths;
}

using Paths = std::vector<std::string>;

TEST(CgroupPath, absolute_is_below_every_root) {
  EXPECT_EQ(paths(kMixed, "/docker/abc"),
            (Paths{"/sys/fs/cgroup/memory/docker/abc", "/sys/fs/cgroup/cpu,cpuacct/docker/abc",
                   "/sys/fs/cgroup/unified/docker/abc"}));
}

TEST(CgroupPath, relative_is_below_the_own_group_of_each_hierarchy) {
  EXPECT_EQ(paths(kMixed, "a/b"), (Paths{"/sys/fs/cgroup/memory/api/a/a/b", "/sys/fs/cgroup/cpu,cpuacct/a/b",
                                         "/sys/fs/cgroup/unified/x/a/b"}));
}

TEST(CgroupPath, on_v2_relative_is_beside_the_own_group) {
  EXPECT_EQ(paths(kV2, "a"), Paths{"/sys/fs/cgroup/user.slice/a"});
  EXPECT_EQ(paths(CgroupLayout{.hierarchies = {{"", "/sys/fs/cgroup", ""}}}, "a"), Paths{"/sys/fs/cgroup/a"});
}

TEST(CgroupPath, none_is_the_id) { EXPECT_EQ(paths(kV2, ""), Paths{"/sys/fs/cgroup/user.slice/id"}); }

TEST(CgroupPath, dots_never_climb_out) {
  EXPECT_EQ(paths(kV2, "/../../etc"), Paths{"/sys/fs/cgroup/etc"});
  EXPECT_EQ(paths(kV2, "../../../a/../b//./c/"), Paths{"/sys/fs/cgroup/user.slice/b/c"});
}

TEST(CgroupPath, the_root_is_refused) {
  for (const char* path : {"/", "..", "/a/..", "./"}) EXPECT_FALSE(plan_cgroup(kV2, path, "id", {})) << path;
}

TEST(CgroupPath, relative_to_a_group_that_cannot_be_seen_is_an_error) {
  const CgroupLayout outside{.hierarchies = {{"", "/sys/fs/cgroup", std::nullopt}}};
  EXPECT_FALSE(plan_cgroup(outside, "a", "id", {}));
  EXPECT_TRUE(plan_cgroup(outside, "/a", "id", {}));
}

TEST(CgroupPath, v2_gives_all_controllers_but_beside_v1_only_what_is_needed) {
  oci::Resources resources;
  EXPECT_EQ(MUST(plan_cgroup(kV2, "/a", "id", resources)).enable, ControllerSet::all());
  EXPECT_TRUE(MUST(plan_cgroup(kMixed, "/a", "id", resources)).enable.is_empty());
  resources.memory.emplace().limit = 1 << 20;
  resources.hugepage_limits.push_back({"2MB", 0});
  EXPECT_EQ(MUST(plan_cgroup(kMixed, "/a", "id", resources)).enable, ControllerSet{Controller::Hugetlb});
}

}  // namespace
}  // namespace gantry::limits
