// SPDX-License-Identifier: Apache-2.0
#include "build/file_mode.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::build {
namespace {

mode_t applied(std::string_view text, mode_t mode, bool is_directory = false) {
  return MUST(FileMode::parse(text)).apply(mode, is_directory);
}

TEST(FileMode, octal_replaces_all) {
  EXPECT_EQ(applied("0755", 0600), 0755u);
  EXPECT_EQ(applied("4711", 0), 04711u);
}

TEST(FileMode, changes_are_made_in_order) {
  EXPECT_EQ(applied("u=rw,go=r", 0777), 0644u);
  EXPECT_EQ(applied("a+x,o-rwx", 0644), 0750u);
  EXPECT_EQ(applied("+t", 0755), 01755u);
  EXPECT_EQ(applied("u+s", 0755), 04755u);
}

TEST(FileMode, a_capital_x_is_for_directories_and_programs) {
  EXPECT_EQ(applied("go=rX", 0600), 0644u);
  EXPECT_EQ(applied("go=rX", 0700), 0755u);
  EXPECT_EQ(applied("a=rX", 0600, true), 0555u);
}

TEST(FileMode, refuses_what_is_no_mode) {
  for (const char* bad : {"", "abc", "9", "u", "u=q", "z+x", "u=r,", "77777"})
    EXPECT_FALSE(FileMode::parse(bad)) << bad;
}

}  // namespace
}  // namespace gantry::build
