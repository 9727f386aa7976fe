// SPDX-License-Identifier: Apache-2.0
//
// Every test in a child: descriptors from 3 on and the environment are the process's own.
#include "runtime/cli/descriptors.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <string>

#include "testing/child.h"
#include "testing/must.h"

namespace gantry::runtime::cli {
namespace {

// With descriptors 3 to 3 + `open` - 1 and no others above 2.
template <class Body>
void with_descriptors(int open, const char* listen_fds, Body body) {
  testing::in_child([&] {
    ASSERT_EQ(::close_range(3, ~0U, 0), 0);
    for (int i = 0; i < open; ++i) ASSERT_EQ(::dup(0), 3 + i);
    listen_fds == nullptr ? ::unsetenv("LISTEN_FDS") : ::setenv("LISTEN_FDS", listen_fds, 1);
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    body();
  });
}

TEST(PreservedDescriptors, are_those_asked_for_and_those_of_socket_activation) {
  with_descriptors(0, nullptr, [] { EXPECT_EQ(MUST(count_preserved(0)), 0); });
  with_descriptors(2, nullptr, [] { EXPECT_EQ(MUST(count_preserved(2)), 2); });
  with_descriptors(3, "2", [] { EXPECT_EQ(MUST(count_preserved(1)), 3); });
  with_descriptors(2, "2", [] { EXPECT_EQ(MUST(count_preserved(0)), 2); });
}

TEST(PreservedDescriptors, a_gap_is_an_error) {
  with_descriptors(2, nullptr, [] {
    const auto counted = count_preserved(3);
    ASSERT_FALSE(counted);
    EXPECT_EQ(counted.error().message(), "descriptor 5 is to be preserved, but is not open");
  });
  with_descriptors(3, nullptr, [] {
    ASSERT_EQ(::close(4), 0);
    EXPECT_FALSE(count_preserved(3));
    EXPECT_EQ(MUST(count_preserved(1)), 1);
  });
}

TEST(PreservedDescriptors, numbers_that_are_none_are_refused) {
  with_descriptors(1, nullptr, [] {
    EXPECT_FALSE(count_preserved(-1));
    EXPECT_FALSE(count_preserved(INT_MAX));
  });
  with_descriptors(1, "2147483647", [] {
    EXPECT_FALSE(count_preserved(0));
    EXPECT_FALSE(count_preserved(INT_MAX));
  });
}

TEST(PreservedDescriptors, those_of_socket_activation_of_another_process_are_none) {
  with_descriptors(2, "2", [] {
    for (const char* pid : {"1", "", "x", "0", "-1"}) {
      ::setenv("LISTEN_PID", pid, 1);
      EXPECT_EQ(MUST(count_preserved(0)), 0) << pid;
    }
    ::unsetenv("LISTEN_PID");
    EXPECT_EQ(MUST(count_preserved(1)), 1);
    oci::Process process;
    announce_listen_fds(process);
    EXPECT_TRUE(process.env.empty());
  });
}

TEST(PreservedDescriptors, nonsense_in_the_environment_is_no_socket_activation) {
  for (const char* nonsense : {"", "x", "-5", "1x", " 1", "99999999999999999999"})
    with_descriptors(1, nonsense, [&] {
      EXPECT_EQ(MUST(count_preserved(1)), 1) << nonsense;
      oci::Process process;
      announce_listen_fds(process);
      EXPECT_TRUE(process.env.empty()) << nonsense;
    });
}

TEST(ListenFds, are_announced_to_process_1) {
  with_descriptors(0, "2", [] {
    oci::Process process{.env = {"A=B"}};
    announce_listen_fds(process);
    EXPECT_EQ(process.env, (std::vector<std::string>{"A=B", "LISTEN_FDS=2", "LISTEN_PID=1"}));
  });
  with_descriptors(0, nullptr, [] {
    oci::Process process;
    announce_listen_fds(process);
    EXPECT_TRUE(process.env.empty());
  });
}

}  // namespace
}  // namespace gantry::runtime::cli
