// SPDX-License-Identifier: Apache-2.0
#include "kernel/id_map.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "base/file.h"
#include "kernel/namespaces.h"
#include "testing/child.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::kernel {
namespace {

using testing::in_child;

TEST(FindRange, finds_the_range_that_holds_the_id) {
  const std::vector<IdRange> ranges = {{0, 1000, 1}, {10, 2000, 5}, {0xffff'fff0U, 5, 0xf}};
  EXPECT_EQ(find_range(ranges, 0), &ranges[0]);
  EXPECT_EQ(find_range(ranges, 10), &ranges[1]);
  EXPECT_EQ(find_range(ranges, 14), &ranges[1]);
  EXPECT_EQ(find_range(ranges, 0xffff'fffeU), &ranges[2]);
  for (const std::uint32_t id : {1U, 9U, 15U, 0xffff'ffefU, 0xffff'ffffU})
    EXPECT_EQ(find_range(ranges, id), nullptr) << id;
  EXPECT_EQ(find_range({}, 0), nullptr);
}

// Both maps, as a process inside of the namespace reads them: without surplus blanks.
std::string maps_seen_inside(int user_namespace) {
  int fds[2];
  EXPECT_EQ(::pipe2(fds, O_CLOEXEC), 0);
  UniqueFd read_end(fds[0]), write_end(fds[1]);
  // Not fork(2), after which a sanitizer starts a thread of its own: setns(2) wants a process with one.
  const pid_t child = MUST(clone_process({}));
  if (child == 0) {
    MUST(enter_namespace(user_namespace, CLONE_NEWUSER));
    const std::string uids = MUST(read_file("/proc/self/uid_map"));
    const std::string gids = MUST(read_file("/proc/self/gid_map"));
    MUST(write_all(write_end.get(), uids + gids, "pipe"));
    ::_exit(0);
  }
  EXPECT_EQ(::waitpid(child, nullptr, 0), child);
  write_end.reset();
  std::string maps;
  for (const char c : MUST(read_all(read_end.get(), "pipe")))
    if (c != ' ' || (!maps.empty() && maps.back() != ' ' && maps.back() != '\n')) maps += c;
  return maps;
}

TEST(UserNamespace, has_the_maps_that_were_asked_for_and_nobody_in_it) {
  NEEDS_ROOT();
  UniqueFd made = MUST(make_user_namespace({.uids = {{0, 100, 1}, {1, 5000, 1000}}, .gids = {{7, 8, 9}}}));
  EXPECT_EQ(maps_seen_inside(made.get()), "0 100 1\n1 5000 1000\n7 8 9\n");
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST(UserNamespace, may_have_no_maps) {
  NEEDS_ROOT();
  UniqueFd made = MUST(make_user_namespace({}));
  EXPECT_TRUE(made);
}

TEST(UserNamespace, a_map_that_the_kernel_refuses_is_an_error_and_leaves_no_process) {
  NEEDS_ROOT();
  const std::vector<IdRange> good = {{0, 0, 10}};
  const std::vector<IdRange> overlapping = {{0, 0, 10}, {5, 100, 10}};
  const std::vector<IdRange> empty = {{0, 0, 0}};
  const std::vector<IdRange> beyond = {{0xffff'fff0U, 0, 0x20}};
  std::vector<IdRange> many;
  for (std::uint32_t i = 0; i < 341; ++i) many.push_back({i * 2, i * 2, 1});
  for (const auto& bad : {overlapping, empty, beyond, many}) {
    const auto uids = make_user_namespace({.uids = bad, .gids = good});
    ASSERT_FALSE(uids);
    EXPECT_EQ(uids.error().errno_value(), EINVAL);
    EXPECT_NE(uids.error().message().find("uid_map"), std::string::npos) << uids.error().message();
    const auto gids = make_user_namespace({.uids = good, .gids = bad});
    ASSERT_FALSE(gids);
    EXPECT_NE(gids.error().message().find("gid_map"), std::string::npos) << gids.error().message();
  }
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
}

// ---- without privileges, or with those given up

constexpr uid_t kSomebody = 65'000;

// Calls `body` as an ordinary user whose processes' files in /proc are his own.
template <class Body>
void as_ordinary_user(Body body) {
  in_child([&] {
    if (::geteuid() == 0) {
      ASSERT_EQ(::setresgid(kSomebody, kSomebody, kSomebody), 0);
      ASSERT_EQ(::setresuid(kSomebody, kSomebody, kSomebody), 0);
      ASSERT_EQ(::prctl(PR_SET_DUMPABLE, 1), 0);
    }
    body();
  });
}

bool ordinary_users_may_make_user_namespaces() {
  return testing::status_of_child([] {
           (void)::setresuid(kSomebody, kSomebody, kSomebody);
           // Not unshare(2), which a program with a sanitizer's own thread may not use for this.
           const auto made = clone_process({.flags = CLONE_NEWUSER});
           ::_exit(made ? 0 : 1);
         }) == 0;
}

class HelpersOfOthers : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!ordinary_users_may_make_user_namespaces())
      GTEST_SKIP() << "ordinary users may not make user namespaces here";
    ASSERT_EQ(::chmod(dir_.path().c_str(), 0777), 0);
    old_path_ = ::getenv("PATH");
  }
  void TearDown() override { ::setenv("PATH", old_path_.c_str(), 1); }
  // Programs that stand for newuidmap(1) and newgidmap(1).
  void put_helpers(const std::string& script) {
    for (const char* name : {"newuidmap", "newgidmap"}) {
      MUST(replace_file_at(dir_.fd(), name, "#!/bin/sh\n" + script, 0755));
      ASSERT_EQ(::fchmodat(dir_.fd(), name, 0755, 0), 0);
    }
    find_programs_here();
  }
  void find_programs_here() { ::setenv("PATH", (dir_.path() + ":/bin").c_str(), 1); }
  testing::TempDir dir_;
  std::string old_path_;
};

TEST_F(HelpersOfOthers, are_not_needed_for_ones_own_single_id) {
  put_helpers("exit 1\n");
  as_ordinary_user([] {
    const auto made = make_user_namespace({.uids = {{0, ::geteuid(), 1}}, .gids = {{0, ::getegid(), 1}}});
    EXPECT_TRUE(made) << made.error().message();
  });
}

TEST_F(HelpersOfOthers, are_called_with_the_pid_and_the_ranges_for_more) {
  put_helpers("echo \"${0##*/} $*\" | sed 's/ [0-9]*/ PID/' >> " + dir_ / "calls" + "\n");
  as_ordinary_user([] {
    const auto made =
        make_user_namespace({.uids = {{0, 65'000, 1}, {1, 100'000, 65'536}}, .gids = {{0, 7, 2}}});
    EXPECT_TRUE(made) << made.error().message();
  });
  EXPECT_EQ(MUST(read_file(dir_ / "calls")), "newgidmap PID 0 7 2\nnewuidmap PID 0 65000 1 1 100000 65536\n");
}

TEST_F(HelpersOfOthers, may_refuse) {
  put_helpers("exit 1\n");
  as_ordinary_user([] {
    const auto made = make_user_namespace({.uids = {{0, 0, 10}}, .gids = {{0, 0, 10}}});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code(), Code::PermissionDenied);
    EXPECT_EQ(made.error().message(),
              "'newgidmap' refused the id map: do /etc/subuid and /etc/subgid allow it?");
  });
}

TEST_F(HelpersOfOthers, may_be_missing) {
  find_programs_here();
  if (::access("/bin/newgidmap", F_OK) == 0) ::setenv("PATH", dir_.path().c_str(), 1);
  as_ordinary_user([] {
    const auto made = make_user_namespace({.uids = {{0, 0, 10}}, .gids = {{0, 0, 10}}});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().message(),
              "map several ids as an ordinary user, by package uidmap: run 'newgidmap': "
              "No such file or directory (ENOENT)");
  });
}

}  // namespace
}  // namespace gantry::kernel
