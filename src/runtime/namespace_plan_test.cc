// SPDX-License-Identifier: Apache-2.0
#include "runtime/namespace_plan.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "kernel/namespaces.h"
#include "testing/child.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::runtime {
namespace {

using oci::NamespaceType;

oci::Spec spec_with(std::vector<oci::Namespace> namespaces) {
  oci::Spec spec;
  spec.linux_.namespaces = std::move(namespaces);
  return spec;
}

NamespacePlan plan_of(std::vector<oci::Namespace> namespaces) {
  return MUST(NamespacePlan::make(spec_with(std::move(namespaces))));
}

TEST(NamespacePlan, without_a_path_a_namespace_is_new) {
  const struct {
    NamespaceType type;
    std::uint64_t flag;
  } kinds[] = {{NamespaceType::Mount, CLONE_NEWNS},      {NamespaceType::Pid, CLONE_NEWPID},
               {NamespaceType::Network, CLONE_NEWNET},   {NamespaceType::Uts, CLONE_NEWUTS},
               {NamespaceType::Ipc, CLONE_NEWIPC},       {NamespaceType::User, CLONE_NEWUSER},
               {NamespaceType::Cgroup, CLONE_NEWCGROUP}, {NamespaceType::Time, CLONE_NEWTIME}};
  for (const auto& [type, flag] : kinds) {
    const NamespacePlan plan = plan_of({{.type = type}});
    EXPECT_EQ(plan.created, flag);
    EXPECT_TRUE(plan.creates(flag));
    EXPECT_TRUE(plan.joined.empty());
  }
  EXPECT_EQ(plan_of({}).created, 0U);
}

TEST(NamespacePlan, with_a_path_it_is_joined) {
  const NamespacePlan plan =
      plan_of({{.type = NamespaceType::Mount}, {.type = NamespaceType::Uts, .path = "/proc/self/ns/uts"}});
  EXPECT_EQ(plan.created, std::uint64_t{CLONE_NEWNS});
  ASSERT_NE(plan.find_joined(CLONE_NEWUTS), nullptr);
  EXPECT_EQ(plan.find_joined(CLONE_NEWNS), nullptr);
}

TEST(NamespacePlan, a_path_to_something_else_is_an_error_that_names_the_field) {
  const auto wrong_kind = NamespacePlan::make(
      spec_with({{.type = NamespaceType::Mount}, {.type = NamespaceType::Pid, .path = "/proc/self/ns/net"}}));
  ASSERT_FALSE(wrong_kind);
  EXPECT_EQ(wrong_kind.error().message(),
            "linux.namespaces[1].path: '/proc/self/ns/net' is a network namespace, not a pid namespace");
  testing::TempDir dir;
  for (const std::string& path : {std::string("/proc/self/status"), dir.path(), dir / "missing"}) {
    const auto wrong = NamespacePlan::make(spec_with({{.type = NamespaceType::Pid, .path = path}}));
    ASSERT_FALSE(wrong);
    EXPECT_TRUE(wrong.error().message().starts_with("linux.namespaces[0].path: ")) << wrong.error().message();
  }
}

TEST(NamespacePlan, the_user_namespace_one_is_in_need_not_be_joined) {
  const NamespacePlan plan = plan_of({{.type = NamespaceType::User, .path = "/proc/self/ns/user"}});
  EXPECT_TRUE(plan.joined.empty());
  EXPECT_FALSE(plan.has_user_namespace());
}

TEST(NamespacePlan, maps_belong_to_a_new_user_namespace) {
  oci::Spec spec = spec_with({{.type = NamespaceType::User}});
  spec.linux_.uid_mappings = {{.container_id = 0, .host_id = 1000, .size = 10}};
  spec.linux_.gid_mappings = {{.container_id = 1, .host_id = 2000, .size = 20}};
  const NamespacePlan plan = MUST(NamespacePlan::make(spec));
  ASSERT_EQ(plan.maps.uids.size(), 1U);
  EXPECT_EQ(plan.maps.uids[0].outside, 1000U);
  ASSERT_EQ(plan.maps.gids.size(), 1U);
  EXPECT_EQ(plan.maps.gids[0].inside, 1U);
  spec.linux_.namespaces.clear();
  EXPECT_TRUE(MUST(NamespacePlan::make(spec)).maps.uids.empty());
}

TEST(NamespacePlan, time_offsets_are_lines_for_the_kernel) {
  oci::Spec spec = spec_with({{.type = NamespaceType::Time}});
  spec.linux_.time_offsets = {{"boottime", {.secs = -5, .nanosecs = 7}}, {"monotonic", {.secs = 3}}};
  EXPECT_EQ(MUST(NamespacePlan::make(spec)).time_offsets, "boottime -5 7\nmonotonic 3 0\n");
}

// A plan that joins namespaces of these kinds, whatever they are.
NamespacePlan joining(std::uint64_t created, std::initializer_list<std::uint64_t> joined) {
  NamespacePlan plan;
  plan.created = created;
  for (const std::uint64_t flag : joined) plan.joined.push_back({flag, UniqueFd()});
  return plan;
}

TEST(NamespacePlan, a_stage_is_needed_where_a_user_namespace_comes_before_the_rest) {
  EXPECT_FALSE(joining(0, {}).needs_stage());
  EXPECT_FALSE(joining(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWTIME, {}).needs_stage());
  EXPECT_FALSE(joining(CLONE_NEWNS, {CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWTIME}).needs_stage());
  EXPECT_FALSE(joining(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID, {CLONE_NEWNET}).needs_stage());
  EXPECT_TRUE(joining(CLONE_NEWUSER | CLONE_NEWTIME, {}).needs_stage());
  EXPECT_TRUE(joining(CLONE_NEWUSER, {CLONE_NEWPID}).needs_stage());
  EXPECT_TRUE(joining(CLONE_NEWUSER, {CLONE_NEWTIME}).needs_stage());
  EXPECT_TRUE(joining(0, {CLONE_NEWUSER}).needs_stage());
  EXPECT_TRUE(joining(CLONE_NEWNS, {CLONE_NEWUSER, CLONE_NEWPID}).needs_stage());
}

// ---- in the kernel

std::string own_namespace(const char* file) {
  char target[64] = {};
  EXPECT_GT(::readlink(("/proc/self/ns/" + std::string(file)).c_str(), target, sizeof target - 1), 0) << file;
  return target;
}

// Holds namespaces of its own for others to join.
class Holder {
 public:
  explicit Holder(int flags) {
    int fds[2];
    EXPECT_EQ(::pipe2(fds, O_CLOEXEC), 0);
    UniqueFd read_end(fds[0]), write_end(fds[1]);
    pid_ = ::fork();
    if (pid_ == 0) {
      (void)::unshare(flags);
      (void)!::write(write_end.get(), "", 1);
      for (;;) ::pause();
    }
    char byte;
    EXPECT_EQ(::read(read_end.get(), &byte, 1), 1);
  }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;
  ~Holder() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  std::string path(const char* file) const { return fmt::format("/proc/{}/ns/{}", pid_, file); }

 private:
  pid_t pid_;
};

TEST(EnterRest, joins_all_but_what_is_only_for_children) {
  NEEDS_ROOT();
  const Holder holder(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET);
  testing::in_child([&] {
    const NamespacePlan plan = plan_of({{.type = NamespaceType::Mount, .path = holder.path("mnt")},
                                        {.type = NamespaceType::Uts, .path = holder.path("uts")},
                                        {.type = NamespaceType::Network, .path = holder.path("net")}});
    const std::string ipc = own_namespace("ipc"), uts = own_namespace("uts"), mnt = own_namespace("mnt");
    MUST(plan.enter_rest(false));
    EXPECT_NE(own_namespace("uts"), uts);
    EXPECT_NE(own_namespace("mnt"), mnt);
    EXPECT_EQ(own_namespace("ipc"), ipc);
  });
}

TEST(EnterForChildren, holds_for_children_and_is_taken_back) {
  NEEDS_ROOT();
  testing::in_child([] {
    oci::Spec spec = spec_with({{.type = NamespaceType::Time}});
    spec.linux_.time_offsets = {{"boottime", {.secs = 1'000'000}}};
    const NamespacePlan plan = MUST(NamespacePlan::make(spec));
    const auto boot_time_of_child = [] {
      timespec now{};
      const int status = testing::status_of_child([&] {
        ::clock_gettime(CLOCK_BOOTTIME, &now);
        ::_exit(now.tv_sec >= 1'000'000 ? 1 : 0);
      });
      return WEXITSTATUS(status);
    };
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    if (now.tv_sec >= 1'000'000) return;  // up for so long that it proves nothing
    MUST(plan.enter_for_children());
    EXPECT_EQ(boot_time_of_child(), 1);
    MUST(plan.leave_for_children());
    EXPECT_EQ(boot_time_of_child(), 0);
  });
}

TEST(EnterForChildren, an_offset_that_the_kernel_refuses_names_the_field) {
  NEEDS_ROOT();
  testing::in_child([] {
    oci::Spec spec = spec_with({{.type = NamespaceType::Time}});
    spec.linux_.time_offsets = {{"boottime", {.secs = -1'000'000'000'000}}};
    const auto entered = MUST(NamespacePlan::make(spec)).enter_for_children();
    ASSERT_FALSE(entered);
    EXPECT_TRUE(entered.error().message().starts_with("linux.timeOffsets: ")) << entered.error().message();
  });
}

}  // namespace
}  // namespace gantry::runtime
