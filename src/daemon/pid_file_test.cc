// SPDX-License-Identifier: Apache-2.0
#include "daemon/pid_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/file.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::daemon {
namespace {

TEST(PidFile, says_who_has_it_and_goes_with_its_owner) {
  const testing::TempDir directory;
  const std::string path = directory / "a/gantryd.pid";
  {
    const PidFile file = MUST(PidFile::make(path));
    EXPECT_EQ(MUST(read_file(path)), fmt::format("{}\n", ::getpid()));
    const auto second = PidFile::make(path);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code(), Code::Conflict);
    EXPECT_EQ(second.error().message(),
              fmt::format("a daemon runs already with '{}': process {}", path, ::getpid()));
  }
  EXPECT_FALSE(read_file(path));
}

TEST(PidFile, takes_the_place_of_one_that_a_dead_process_left) {
  const testing::TempDir directory;
  const std::string path = directory / "gantryd.pid";
  MUST(replace_file_at(AT_FDCWD, path, "999999999 and more\n", 0644));
  const PidFile file = MUST(PidFile::make(path));
  EXPECT_EQ(MUST(read_file(path)), fmt::format("{}\n", ::getpid()));
}

}  // namespace
}  // namespace gantry::daemon
