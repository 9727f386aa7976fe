// SPDX-License-Identifier: Apache-2.0
#include "engine/doctor.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/file.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::engine {
namespace {

struct Doctor : ::testing::Test {
  testing::TempDir system, root;
  void put(const std::string& path, const std::string& text) {
    MUST(make_directories(system / path.substr(0, path.rfind('/')), 0755));
    MUST(replace_file_at(system.fd(), path, text, 0644));
  }
  Finding of(const std::string& area, const std::string& check) {
    for (const Finding& finding :
         examine_host({.root = root.path(), .run = root.path(), .system = system.path()}))
      if (finding.area == area && finding.check == check) return finding;
    return {};
  }
};

TEST_F(Doctor, AnOldKernelIsAProblemWithARemedy) {
  put("proc/sys/kernel/osrelease", "5.4.0-generic\n");
  EXPECT_EQ(of("kernel", "version").verdict, Verdict::Problem);
  EXPECT_NE(of("kernel", "version").remedy, "");
  put("proc/sys/kernel/osrelease", "5.12.3\n");
  EXPECT_EQ(of("kernel", "version").verdict, Verdict::Ok);
  put("proc/sys/kernel/osrelease", "6.1.0-13-amd64\n");
  EXPECT_EQ(of("kernel", "version").verdict, Verdict::Ok);
}

TEST_F(Doctor, OverlayIsFoundByItsName) {
  put("proc/filesystems", "nodev\tproc\n\text4\nnodev\toverlay\n");
  EXPECT_EQ(of("kernel", "overlay file system").verdict, Verdict::Ok);
  put("proc/filesystems", "nodev\toverlayfs2\n");
  EXPECT_EQ(of("kernel", "overlay file system").verdict, Verdict::Problem);
}

TEST_F(Doctor, ControllersThatAreMissingAreNamed) {
  put("proc/self/mountinfo", "30 20 0:26 / " + (system / "sys/fs/cgroup").substr(system.path().size()) +
                                 " rw - cgroup2 cgroup2 rw\n");
  put("proc/self/cgroup", "0::/\n");
  put("sys/fs/cgroup/cgroup.controllers", "cpu pids\n");
  EXPECT_EQ(of("cgroups", "hierarchy").found, "cgroup v2");
  EXPECT_EQ(of("cgroups", "pids").verdict, Verdict::Ok);
  EXPECT_EQ(of("cgroups", "memory").verdict, Verdict::Warning);
}

TEST_F(Doctor, ADataRootThatIsNotThereIsAProblem) {
  EXPECT_EQ(of("storage", "data root").verdict, Verdict::Ok);
  EXPECT_EQ(MUST(names_in(root.fd(), ".")).size(), 0u) << "nothing is left behind";
  const auto findings = examine_host({.root = root / "nowhere", .system = system.path()});
  EXPECT_TRUE(std::ranges::any_of(findings, [](const Finding& finding) {
    return finding.check == "data root" && finding.verdict == Verdict::Problem;
  }));
}

TEST_F(Doctor, LowLimitsAreWarnedOfWithTheCommandThatRaisesThem) {
  put("proc/sys/fs/inotify/max_user_instances", "8\n");
  const Finding finding = of("limits", "fs.inotify.max_user_instances");
  EXPECT_EQ(finding.verdict, Verdict::Warning);
  EXPECT_EQ(finding.remedy, "sysctl fs.inotify.max_user_instances=128");
}

TEST(DoctorHere, EverythingOfThisHostIsLookedAt) {
  testing::TempDir root;
  EXPECT_GT(examine_host({.root = root.path()}).size(), 15u);
}

}  // namespace
}  // namespace gantry::engine
