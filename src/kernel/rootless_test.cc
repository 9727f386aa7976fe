// SPDX-License-Identifier: Apache-2.0
#include "kernel/rootless.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/file.h"
#include "testing/child.h"
#include "testing/must.h"

namespace gantry::kernel {

static bool operator==(const IdRange& a, const IdRange& b) {
  return a.inside == b.inside && a.outside == b.outside && a.size == b.size;
}

namespace {

using testing::in_child;
using Ranges = std::vector<IdRange>;

TEST(SubordinateIds, are_those_of_the_users_name_or_number) {
  const char* file = "bob:1000000:65536\nalice:100000:65536\n1001:500000:10\n";
  EXPECT_EQ(subordinate_ids(file, "alice", 1000), (Ranges{{1, 100000, 65536}}));
  EXPECT_EQ(subordinate_ids(file, "carol", 1001), (Ranges{{1, 500000, 10}}));
  EXPECT_EQ(subordinate_ids(file, "", 1002), Ranges{});
}

TEST(SubordinateIds, follow_each_other_inside) {
  EXPECT_EQ(subordinate_ids("a:1000:10\na:5000:20", "a", 7), (Ranges{{1, 1000, 10}, {11, 5000, 20}}));
}

TEST(SubordinateIds, skip_lines_that_make_no_sense) {
  for (const char* line : {"", "a", "a:", "a:1", "a:1:", "a:1:0", "a:x:5", "a:1:5:6", "a:-1:5",
                           "a:1:4294967295", "a:4294967295:5", "#a:1:5", ":1:5"})
    EXPECT_EQ(subordinate_ids(line, "a", 7), Ranges{}) << line;
}

void become_user() {
  ASSERT_EQ(::setgid(23456), 0);
  ASSERT_EQ(::setuid(23456), 0);
  ASSERT_EQ(::prctl(PR_SET_DUMPABLE, 1), 0);  // as after a login: else /proc/self is root's
}

TEST(OwnNamespaces, make_an_ordinary_user_root) {
  NEEDS_ROOT();
  in_child([] {
    become_user();
    const IdMaps maps{.uids = {{0, 23456, 1}}, .gids = {{0, 23456, 1}}};
    EXPECT_TRUE(has_one_id(maps));
    MUST(enter_own_namespaces(maps, CLONE_NEWNS));
    EXPECT_EQ(::geteuid(), 0U);
    EXPECT_EQ(::getegid(), 0U);
    EXPECT_EQ(::mount("gantry", "/tmp", "tmpfs", 0, nullptr), 0) << errno;
  });
}

TEST(OwnNamespaces, say_why_ids_cannot_be_mapped) {
  NEEDS_ROOT();
  in_child([] {
    become_user();
    const auto entered = enter_own_namespaces({.uids = {{0, 0, 1}}, .gids = {{0, 23456, 1}}}, 0);
    ASSERT_FALSE(entered);
    EXPECT_NE(entered.error().message().find("newuidmap"), std::string::npos) << entered.error().message();
  });
}

}  // namespace
}  // namespace gantry::kernel
