// SPDX-License-Identifier: Apache-2.0
//
// The file comes with the image: nothing in it is to be believed but a well-formed line.
#include "runtime/passwd.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "base/file.h"
#include "testing/child.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::runtime {
namespace {

constexpr std::string_view kUsual =
    "root:x:0:0:root:/root:/bin/sh\n"
    "daemon:*:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
    "toor:x:0:0:second:/elsewhere:/bin/sh\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/bin/false";

TEST(Passwd, the_first_line_of_a_uid_counts) {
  EXPECT_EQ(home_directory(kUsual, 0), "/root");
  EXPECT_EQ(user_name(kUsual, 0), "root");
  EXPECT_EQ(home_directory(kUsual, 1), "/usr/sbin");
}

TEST(Passwd, the_last_line_needs_no_end) {
  EXPECT_EQ(home_directory(kUsual, 65'534), "/nonexistent");
  EXPECT_EQ(user_name(kUsual, 65'534), "nobody");
}

TEST(Passwd, who_is_not_there_has_neither) {
  EXPECT_FALSE(home_directory(kUsual, 2));
  EXPECT_FALSE(user_name(kUsual, 2));
  EXPECT_FALSE(home_directory("", 0));
  EXPECT_FALSE(home_directory("\n\n\n", 0));
}

TEST(Passwd, the_highest_uid_is_a_uid) {
  EXPECT_EQ(user_name("max:x:4294967295:0::/:\n", 4'294'967'295U), "max");
}

TEST(Passwd, malformed_lines_are_passed_over) {
  const std::string_view good = "good:x:0:0::/good:/bin/sh\n";
  for (const std::string_view bad :
       {"bad:x:0:0:::\x80", "bad", ":", "bad:x:0:0:/bad:/bin/sh", "bad:x:0:0:a:b:/bad:/bin/sh",
        "::::::", "bad:x::0::/bad:", "bad:x:0x0:0::/bad:", "bad:x: 0:0::/bad:", "bad:x:0 :0::/bad:",
        "bad:x:+0:0::/bad:", "bad:x:-0:0::/bad:", "bad:x:4294967296:0::/bad:",
        "bad:x:18446744073709551616:0::/bad:", "bad:x:0.0:0::/bad:", "# bad:x:1:0::/bad:", "\xff\xfe\xfd"}) {
    const std::string text = std::string(bad) + "\n" + std::string(good);
    // The first one is well-formed but has no home: its uid has none then, whoever comes later.
    if (bad.starts_with("bad:x:0:0:::"))
      EXPECT_FALSE(home_directory(text, 0));
    else
      EXPECT_EQ(home_directory(text, 0), "/good") << bad;
  }
}

TEST(Passwd, a_home_is_an_absolute_path) {
  EXPECT_FALSE(home_directory("a:x:5:5::home:/bin/sh\n", 5));
  EXPECT_FALSE(home_directory("a:x:5:5::../../etc:/bin/sh\n", 5));
  EXPECT_FALSE(home_directory("a:x:5:5:::/bin/sh\n", 5));
  EXPECT_FALSE(home_directory(std::string_view("a:x:5:5::/ho\0me:/bin/sh\n", 24), 5));
  EXPECT_EQ(home_directory("a:x:5:5::/:/bin/sh\n", 5), "/");
}

TEST(Passwd, long_lines_are_only_long) {
  const std::string home = "/" + std::string(1 << 20, 'h');
  EXPECT_EQ(home_directory("a:x:5:5:" + std::string(1 << 20, 'g') + ":" + home + ":/bin/sh\n", 5), home);
  EXPECT_FALSE(home_directory(std::string(1 << 20, ':'), 0));
}

// ---- the file

class PasswdFile : public ::testing::Test {
 protected:
  void SetUp() override {
    NEEDS_ROOT();
    MUST(make_directories(root_ / "etc", 0755));
  }
  // What read_passwd() finds in the root, in a process that has it as its own; "" too if that never came
  // back.
  bool reads(std::string_view expected) {
    return testing::status_of_child([&] {
             if (::chroot(root_.path().c_str()) < 0) ::_exit(2);
             ::alarm(10);
             ::_exit(read_passwd() == expected ? 0 : 1);
           }) == 0;
  }
  testing::TempDir root_;
};

TEST_F(PasswdFile, is_read) {
  MUST(replace_file_at(root_.fd(), "etc/passwd", kUsual, 0644));
  EXPECT_TRUE(reads(kUsual));
}

TEST_F(PasswdFile, that_is_not_there_is_empty) { EXPECT_TRUE(reads("")); }

TEST_F(PasswdFile, that_is_a_fifo_does_not_hang) {
  ASSERT_EQ(::mkfifo((root_ / "etc/passwd").c_str(), 0644), 0);
  EXPECT_TRUE(reads(""));
}

TEST_F(PasswdFile, that_is_a_directory_or_a_loop_is_empty) {
  MUST(make_directories(root_ / "etc/passwd", 0755));
  EXPECT_TRUE(reads(""));
  ASSERT_EQ(::rmdir((root_ / "etc/passwd").c_str()), 0);
  ASSERT_EQ(::symlink("passwd", (root_ / "etc/passwd").c_str()), 0);
  EXPECT_TRUE(reads(""));
}

TEST_F(PasswdFile, that_is_endless_is_left_alone) {
  UniqueFd file = MUST(open_at(root_.fd(), "etc/passwd", O_WRONLY | O_CREAT, 0644));
  MUST(write_all(file.get(), kUsual, "passwd"));
  ASSERT_EQ(::ftruncate(file.get(), 1LL << 40), 0);
  EXPECT_TRUE(reads(""));
}

}  // namespace
}  // namespace gantry::runtime
