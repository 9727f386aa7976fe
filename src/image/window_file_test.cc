// SPDX-License-Identifier: Apache-2.0
#include "image/window_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <charconv>
#include <csignal>
#include <string>
#include <utility>

#include "base/file.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::image {
namespace {

// Pages of this process, of memory and of files.
std::uint64_t resident() {
  const std::string sizes = MUST(read_file("/proc/self/statm"));
  std::uint64_t pages = 0;
  const std::size_t at = sizes.find(' ') + 1;
  std::from_chars(sizes.data() + at, sizes.data() + sizes.size(), pages);
  return pages;
}

TEST(WindowFile, what_was_let_go_of_is_still_there_but_not_this_processs) {
  constexpr std::uint64_t kBytes = 32 << 20, kPage = 4096;
  constexpr std::uint64_t kDoubt = 512;  // pages: each processor counts some of its own
  const testing::TempDir dir;
  WindowFile file = MUST(WindowFile::make(dir.path(), kBytes));
  EXPECT_TRUE(MUST(names_in(AT_FDCWD, dir.path())).empty());
  const std::uint64_t before = resident();
  for (std::uint64_t at = 0; at < kBytes; at += kPage) file.bytes()[at] = std::byte{42};
  EXPECT_GE(resident() + kDoubt, before + kBytes / kPage);
  file.let_go();
  EXPECT_LE(resident(), before + kDoubt);
  const WindowFile moved = std::move(file);
  for (std::uint64_t at = 0; at < kBytes; at += kPage) ASSERT_EQ(moved.bytes()[at], std::byte{42});
}

TEST(WindowFile, is_not_made_where_there_is_no_room_for_it) {
  const testing::TempDir dir;
  const rlimit before = [] {
    rlimit limit{};
    EXPECT_EQ(::getrlimit(RLIMIT_FSIZE, &limit), 0);
    return limit;
  }();
  (void)::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{.rlim_cur = 1 << 20, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto file = WindowFile::make(dir.path(), 32 << 20);
  EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ASSERT_FALSE(file);
  EXPECT_NE(file.error().message().find("make room for a zstd window of 33554432 bytes"), std::string::npos)
      << file.error().message();
}

}  // namespace
}  // namespace gantry::image
