// SPDX-License-Identifier: Apache-2.0
#include "image/window_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <charconv>
#include <csignal>
#include <cstdint>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::image {
namespace {

// Bytes of it that this process holds: of the mapping that begins there (proc_pid_smaps(5)).
std::uint64_t resident(const WindowFile& file) {
  const std::string maps = MUST(read_file("/proc/self/smaps"));
  std::size_t at = maps.find(fmt::format("\n{:08x}-", reinterpret_cast<std::uintptr_t>(file.bytes().data())));
  at = maps.find("\nRss:", at);
  if (at == std::string::npos) return 0;
  at = maps.find_first_of("0123456789", at);
  std::uint64_t kib = 0;
  std::from_chars(maps.data() + at, maps.data() + maps.size(), kib);
  return kib << 10;
}

TEST(WindowFile, what_was_let_go_of_is_still_there_but_not_this_processs) {
  constexpr std::uint64_t kBytes = 32 << 20, kPage = 4096;
  const testing::TempDir dir;
  WindowFile file = MUST(WindowFile::make(dir.path(), kBytes));
  EXPECT_TRUE(MUST(names_in(AT_FDCWD, dir.path())).empty());
  for (std::uint64_t at = 0; at < kBytes; at += kPage) file.bytes()[at] = std::byte{42};
  EXPECT_EQ(resident(file), kBytes);
  file.let_go();
  EXPECT_EQ(resident(file), 0u);
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
