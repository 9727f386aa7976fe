// SPDX-License-Identifier: Apache-2.0
#include "engine/processes.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "testing/child.h"
#include "testing/must.h"

namespace gantry::engine {
namespace {

TEST(Processes, TheUsualColumnsNeedNoPs) {
  const ProcessTable table = MUST(list_processes({::getpid()}, ""));
  EXPECT_EQ(table.titles.size(), 8u);
  ASSERT_EQ(table.processes.size(), 1u);
  const auto& row = table.processes[0];
  ASSERT_EQ(row.size(), 8u);
  EXPECT_EQ(row[1], std::to_string(::getpid()));
  EXPECT_EQ(row[2], std::to_string(::getppid()));
  EXPECT_NE(row[7].find("processes_test"), std::string::npos);
}

TEST(Processes, OneThatHasGoneIsLeftOut) {
  const pid_t child = testing::start_child([] {});
  testing::status_of(child);
  EXPECT_EQ(MUST(list_processes({child, ::getpid()}, "-ef")).processes.size(), 1u);
}

TEST(Processes, ANameWithParenthesesConfusesNobody) {
  ASSERT_EQ(::prctl(PR_SET_NAME, ") S 1 (x\n"), 0);
  const ProcessTable table = MUST(list_processes({::getpid()}, ""));
  ASSERT_EQ(::prctl(PR_SET_NAME, "processes_test"), 0);
  EXPECT_EQ(table.processes.at(0)[2], std::to_string(::getppid()));
}

TEST(Processes, OtherColumnsComeFromTheHostsPs) {
  const auto table = list_processes({::getpid()}, "-o ppid,pid,args -e");
  if (!table && table.error().code() == Code::Unavailable) GTEST_SKIP() << table.error().message();
  ASSERT_TRUE(table) << table.error().message();
  EXPECT_EQ(table->titles, (std::vector<std::string>{"PPID", "PID", "COMMAND"}));
  ASSERT_EQ(table->processes.size(), 1u);
  EXPECT_EQ(table->processes[0][1], std::to_string(::getpid()));
}

TEST(Processes, AListingWithoutPidsIsRefused) {
  const auto table = list_processes({::getpid()}, "-e -o comm");
  ASSERT_FALSE(table);
  if (table.error().code() == Code::Unavailable) GTEST_SKIP() << table.error().message();
  EXPECT_EQ(table.error().message(), "Couldn't find PID field in ps output");
  EXPECT_EQ(list_processes({::getpid()}, "--no-such-option").error().code(), Code::InvalidArgument);
}

}  // namespace
}  // namespace gantry::engine
