// SPDX-License-Identifier: Apache-2.0
//
// Against the real hierarchies of this host, as root: groups below the root with a name of their own.
#include "kernel/cgroup.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "base/file.h"
#include "kernel/namespaces.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::kernel {
namespace {

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

std::string first_line(const std::string& path) {
  const std::string text = MUST(read_file(path));
  return text.substr(0, text.find('\n'));
}

// ---- without a kernel: a directory that only looks like a v2 hierarchy

class FakeV2 : public ::testing::Test {
 protected:
  void add_group(const std::string& name, const std::string& controllers, const std::string& subtree) {
    MUST(make_directories(tree_ / ("cg" + name), 0755));
    MUST(replace_file_at(tree_.fd(), "cg" + name + "/cgroup.controllers", controllers + "\n", 0644));
    MUST(replace_file_at(tree_.fd(), "cg" + name + "/cgroup.subtree_control", subtree, 0644));
    MUST(replace_file_at(tree_.fd(), "cg" + name + "/cgroup.procs", "", 0644));
  }
  CgroupPlan plan(const std::string& name) {
    return {.places = {{"", tree_ / ("cg" + name), (tree_ / "cg").size()}}, .enable = ControllerSet::all()};
  }
  testing::TempDir tree_;
};

TEST_F(FakeV2, controllers_are_enabled_level_by_level_and_only_what_is_missing) {
  add_group("", "cpu memory pids", "cpu\n");
  add_group("/a", "cpu memory", "");
  Cgroup cgroup = MUST(Cgroup::create(plan("/a/b")));
  EXPECT_EQ(first_line(tree_ / "cg/cgroup.subtree_control"), "+memory +pids");
  EXPECT_EQ(first_line(tree_ / "cg/a/cgroup.subtree_control"), "+cpu +memory");
  EXPECT_TRUE(exists(tree_ / "cg/a/b"));
}

TEST_F(FakeV2, a_group_that_is_not_kept_is_removed) {
  add_group("", "", "");
  {
    Cgroup cgroup = MUST(Cgroup::create(plan("/x")));
  }
  EXPECT_FALSE(exists(tree_ / "cg/x"));
  {
    Cgroup cgroup = MUST(Cgroup::create(plan("/x")));
    Cgroup moved = std::move(cgroup);
    moved.keep();
  }
  EXPECT_TRUE(exists(tree_ / "cg/x"));
}

// Another container that has made them and fails takes them away.
TEST_F(FakeV2, ancestors_that_somebody_removes_meanwhile_are_made_again) {
  add_group("", "", "");
  std::atomic<bool> is_over = false;
  std::thread other([&] {
    while (!is_over)
      for (const char* ancestor : {"cg/a/b", "cg/a"}) (void)::rmdir((tree_ / ancestor).c_str());
  });
  CgroupPlan group = plan("/a/b/c");
  group.enable = {};
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(MUST(Cgroup::create(group)).is_fresh());
  is_over = true;
  other.join();
}

TEST_F(FakeV2, the_root_of_a_hierarchy_is_refused) {
  add_group("", "", "");
  const auto made = Cgroup::create(plan(""));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code(), Code::InvalidArgument);
}

TEST_F(FakeV2, a_group_with_processes_is_refused) {
  add_group("", "", "");
  add_group("/x", "", "");
  EXPECT_FALSE(MUST(Cgroup::create(plan("/x"))).is_fresh());
  MUST(replace_file_at(tree_.fd(), "cg/x/cgroup.procs", "1\n", 0644));
  const auto made = Cgroup::create(plan("/x"));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code(), Code::Conflict);
  EXPECT_TRUE(exists(tree_ / "cg/x"));
  CgroupPlan adopting = plan("/x");
  adopting.adopts_processes = true;
  EXPECT_TRUE(Cgroup::create(adopting));
}

TEST_F(FakeV2, controllers_that_are_not_enabled_are_no_place) {
  add_group("", "", "");
  add_group("/x", "memory io", "");
  Cgroup cgroup = MUST(Cgroup::open({{"", tree_ / "cg/x"}}));
  EXPECT_EQ(cgroup.version_of(Controller::Memory), CgroupVersion::V2);
  EXPECT_EQ(cgroup.version_of(Controller::Io), CgroupVersion::V2);
  EXPECT_EQ(cgroup.version_of(Controller::Pids), std::nullopt);
}

// ---- the real thing

class RealCgroup : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root to make control groups";
    layout_ = MUST(CgroupLayout::read());
    if (layout_.hierarchies.empty()) GTEST_SKIP() << "no control groups are mounted";
    for (const Hierarchy& hierarchy : layout_.hierarchies)
      if (::access(hierarchy.mount.c_str(), W_OK) != 0) GTEST_SKIP() << hierarchy.mount << " is read-only";
  }
  void TearDown() override {
    for (const CgroupPlace& place : plan().places) {
      EXPECT_FALSE(exists(place.path)) << place.path;
    }
  }
  CgroupPlan plan(const std::string& below = "") {
    CgroupPlan plan;
    for (const Hierarchy& hierarchy : layout_.hierarchies)
      plan.places.push_back({hierarchy.key,
                             hierarchy.mount + "/gantry-cgroup-test-" + std::to_string(::getpid()) + below,
                             hierarchy.mount.size()});
    return plan;
  }
  // A child in the group that sleeps until it is killed.
  pid_t start_in(Cgroup& cgroup) {
    MUST(cgroup.prepare_join());
    int ready[2];
    EXPECT_EQ(::pipe2(ready, O_CLOEXEC), 0);
    const pid_t pid = MUST(clone_process({.cgroup = cgroup.into_cgroup_fd()}));
    if (pid == 0) {
      const bool joined = cgroup.join_self().has_value();
      (void)!::write(ready[1], joined ? "y" : "n", 1);
      for (;;) ::pause();
    }
    cgroup.finish_join();
    char answer = 0;
    EXPECT_EQ(::read(ready[0], &answer, 1), 1);
    EXPECT_EQ(answer, 'y');
    (void)::close(ready[0]);
    (void)::close(ready[1]);
    return pid;
  }
  CgroupLayout layout_;
};

TEST_F(RealCgroup, a_child_joins_every_hierarchy) {
  Cgroup cgroup = MUST(Cgroup::create(plan()));
  EXPECT_TRUE(cgroup.is_fresh());
  const pid_t pid = start_in(cgroup);
  const std::string groups = MUST(read_file("/proc/" + std::to_string(pid) + "/cgroup"));
  const std::string name = "/gantry-cgroup-test-" + std::to_string(::getpid()) + "\n";
  std::size_t found = 0;
  for (std::size_t at = 0; (at = groups.find(name, at)) != std::string::npos; ++at) ++found;
  EXPECT_EQ(found, layout_.hierarchies.size()) << groups;
  EXPECT_EQ(MUST(cgroup.processes()), std::vector<pid_t>{pid});
  MUST(cgroup.kill_all());
  EXPECT_EQ(::waitpid(pid, nullptr, 0), pid);
  MUST(cgroup.remove());
}

TEST_F(RealCgroup, ancestors_are_made_and_a_v1_cpuset_has_cpus_on_every_level) {
  {
    Cgroup cgroup = MUST(Cgroup::create(plan("/a/b")));
    if (const Hierarchy* cpuset = layout_.v1_with(Controller::Cpuset)) {
      const std::string top = plan("").places[0].path.substr(plan().places[0].mount_size);
      for (const char* level : {"", "/a", "/a/b"}) {
        EXPECT_EQ(first_line(cpuset->mount + top + level + "/cpuset.cpus"),
                  first_line(cpuset->mount + "/cpuset.cpus"));
        EXPECT_NE(first_line(cpuset->mount + top + level + "/cpuset.mems"), "");
      }
    }
    cgroup.keep();
    MUST(cgroup.remove());
    EXPECT_FALSE(exists(plan("/a/b").places[0].path));
    EXPECT_TRUE(exists(plan("/a").places[0].path));
  }
  Cgroup rest = MUST(Cgroup::open(plan().places));
  MUST(rest.remove());  // with what is below
}

// As the second of two containers finds it whose common parent the first has made and not filled yet.
TEST_F(RealCgroup, a_v1_cpuset_above_that_has_no_cpus_yet_gets_them) {
  const Hierarchy* cpuset = layout_.v1_with(Controller::Cpuset);
  if (cpuset == nullptr) GTEST_SKIP() << "no cpuset of version 1 is mounted";
  const std::string top = cpuset->mount + "/gantry-cgroup-test-" + std::to_string(::getpid());
  for (const std::string& made : {top, top + "/a"}) ASSERT_EQ(::mkdir(made.c_str(), 0755), 0);
  ASSERT_EQ(first_line(top + "/a/cpuset.cpus"), "");
  {
    Cgroup cgroup = MUST(Cgroup::create(plan("/a/b")));
    const pid_t pid = start_in(cgroup);
    for (const char* level : {"", "/a", "/a/b"}) {
      EXPECT_EQ(first_line(top + level + "/cpuset.cpus"), first_line(cpuset->mount + "/cpuset.cpus"));
      EXPECT_NE(first_line(top + level + "/cpuset.mems"), "");
    }
    MUST(cgroup.kill_all());
    EXPECT_EQ(::waitpid(pid, nullptr, 0), pid);
  }
  Cgroup rest = MUST(Cgroup::open(plan().places));
  MUST(rest.remove());
}

TEST_F(RealCgroup, frozen_processes_stop_and_go_on) {
  Cgroup cgroup = MUST(Cgroup::create(plan()));
  const pid_t pid = start_in(cgroup);
  EXPECT_FALSE(MUST(cgroup.is_frozen()));
  MUST(cgroup.freeze());
  EXPECT_TRUE(MUST(cgroup.is_frozen()));
  MUST(cgroup.thaw());
  EXPECT_FALSE(MUST(cgroup.is_frozen()));
  MUST(cgroup.freeze());
  MUST(cgroup.kill_all());
  EXPECT_EQ(::waitpid(pid, nullptr, 0), pid);
  MUST(cgroup.remove());
}

TEST_F(RealCgroup, the_v1_freezer_alone_freezes_and_kills_too) {
  const Hierarchy* freezer = layout_.v1_with(Controller::Freezer);
  if (freezer == nullptr) GTEST_SKIP() << "no v1 freezer here";
  CgroupPlan only = plan();
  std::erase_if(only.places, [&](const CgroupPlace& place) { return place.key != freezer->key; });
  Cgroup cgroup = MUST(Cgroup::create(only));
  const pid_t pid = start_in(cgroup);
  MUST(cgroup.freeze());
  EXPECT_TRUE(MUST(cgroup.is_frozen()));
  EXPECT_EQ(first_line(only.places[0].path + "/freezer.state"), "FROZEN");
  MUST(cgroup.kill_all());
  EXPECT_EQ(::waitpid(pid, nullptr, 0), pid);
  MUST(cgroup.remove());
}

TEST_F(RealCgroup, killing_reaches_groups_below_and_groups_frozen_from_inside) {
  Cgroup cgroup = MUST(Cgroup::create(plan()));
  Cgroup below = MUST(Cgroup::create(plan("/x/y")));
  const pid_t pid = start_in(below);
  if (layout_.v1_with(Controller::Freezer) != nullptr)
    MUST(below.write(Controller::Freezer, "freezer.state", "FROZEN"));
  EXPECT_EQ(MUST(cgroup.processes()), std::vector<pid_t>{pid});
  MUST(cgroup.kill_all());
  EXPECT_EQ(::waitpid(pid, nullptr, 0), pid);
  below.keep();
  MUST(cgroup.remove());
}

TEST_F(RealCgroup, a_tree_deeper_than_the_limit_of_descriptors_is_removed) {
  Cgroup cgroup = MUST(Cgroup::create(plan()));
  UniqueFd at = MUST(open_at(AT_FDCWD, cgroup.places().back().path, O_RDONLY | O_DIRECTORY));
  constexpr int kDeep = 60;
  for (int i = 0; i < kDeep; ++i) {
    ASSERT_EQ(::mkdirat(at.get(), "deep", 0755), 0);
    at = MUST(open_at(at.get(), "deep", O_RDONLY | O_DIRECTORY));
  }
  at.reset();
  rlimit old{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &old), 0);
  const rlimit few{.rlim_cur = 30, .rlim_max = old.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  MUST(cgroup.remove());
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &old), 0);
}

TEST_F(RealCgroup, a_refused_write_says_what_and_where_and_why) {
  const Hierarchy* pids = layout_.v1_with(Controller::Pids);
  if (pids == nullptr) GTEST_SKIP() << "no v1 pids controller here";
  Cgroup cgroup = MUST(Cgroup::create(plan()));
  const auto written = cgroup.write(Controller::Pids, "pids.max", "many");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().message(), "write 'many' to '" + cgroup.place_of(Controller::Pids)->path +
                                           "/pids.max': Invalid argument (EINVAL)");
}

TEST_F(RealCgroup, a_later_process_removes_by_what_was_saved) {
  {
    Cgroup cgroup = MUST(Cgroup::create(plan()));
    cgroup.keep();
  }
  Cgroup cgroup = MUST(Cgroup::open(plan().places));
  MUST(cgroup.kill_all());
  MUST(cgroup.remove());
  MUST(cgroup.remove());  // twice is fine
}

}  // namespace
}  // namespace gantry::kernel
