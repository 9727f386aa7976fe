// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <thread>

#include "testing/child.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry {
namespace {

using testing::TempDir;

bool exists(const std::string& path) {
  return ::faccessat(AT_FDCWD, path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

mode_t mode_of(const std::string& path) {
  struct stat st{};
  EXPECT_EQ(::lstat(path.c_str(), &st), 0) << path;
  return st.st_mode & 07777;
}

void put(const std::string& path, std::string_view text) {
  MUST(replace_file_at(AT_FDCWD, path, text, 0644));
}

// ---- reading

TEST(ReadFile, gives_everything) {
  TempDir dir;
  for (const std::size_t size : {0, 1, 4095, 4096, 4097, 100'000}) {
    const std::string text(size, 'x');
    put(dir / "file", text);
    EXPECT_EQ(MUST(read_file(dir / "file")), text);
    EXPECT_EQ(MUST(read_file_at(dir.fd(), "file")), text);
  }
}

TEST(ReadFile, reads_pseudo_files_that_say_they_are_empty) {
  EXPECT_EQ(MUST(read_file("/proc/self/comm")).back(), '\n');
  EXPECT_GT(MUST(read_file("/proc/kallsyms")).size(), 100'000U);
}

TEST(ReadFile, refuses_more_than_the_limit) {
  TempDir dir;
  put(dir / "file", "12345");
  EXPECT_EQ(MUST(read_file(dir / "file", 5)), "12345");
  const auto refused = read_file(dir / "file", 4);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::ResourceExhausted);
  EXPECT_NE(refused.error().message().find("larger than 4 bytes"), std::string::npos);
  EXPECT_FALSE(read_file("/dev/zero", 1 << 16)) << "an endless file ends at the limit";
}

TEST(ReadFile, says_what_it_could_not_read) {
  TempDir dir;
  const auto missing = read_file(dir / "missing");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), Code::NotFound);
  EXPECT_EQ(missing.error().message(),
            "open '" + (dir / "missing") + "': No such file or directory (ENOENT)");
  const auto directory = read_file(dir.path());
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().errno_value(), EISDIR);
}

TEST(OpenAt, closes_on_exec) {
  UniqueFd fd = MUST(open_at(AT_FDCWD, "/dev/null", O_RDWR));
  EXPECT_EQ(::fcntl(fd.get(), F_GETFD), FD_CLOEXEC);
}

// ---- writing

TEST(WriteAll, needs_as_many_calls_as_the_pipe_makes_it) {
  int fds[2];
  ASSERT_EQ(::pipe2(fds, O_CLOEXEC), 0);
  UniqueFd read_end(fds[0]), write_end(fds[1]);
  const std::string text(300'000, 'y');
  std::thread writer([&] {
    MUST(write_all(write_end.get(), text, "pipe"));
    write_end.reset();
  });
  EXPECT_EQ(MUST(read_all(read_end.get(), "pipe")), text);
  writer.join();
}

TEST(WriteAll, says_that_the_disk_is_full) {
  UniqueFd full = MUST(open_at(AT_FDCWD, "/dev/full", O_WRONLY));
  const auto written = write_all(full.get(), "x", "full");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().errno_value(), ENOSPC);
  EXPECT_EQ(written.error().code(), Code::ResourceExhausted);
}

TEST(WriteExisting, makes_no_file) {
  TempDir dir;
  const auto written = write_existing_at(dir.fd(), "missing", "x");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code(), Code::NotFound);
  EXPECT_FALSE(exists(dir / "missing"));
}

TEST(WriteExisting, reports_what_the_kernel_refused) {
  const auto written = write_existing_at(AT_FDCWD, "/proc/self/oom_score_adj", "many");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().message(),
            "write 'many' to '/proc/self/oom_score_adj': Invalid argument (EINVAL)");
}

TEST(ReplaceFile, makes_the_file_with_its_mode_and_leaves_nothing_else) {
  TempDir dir;
  MUST(replace_file_at(dir.fd(), "state", "one", 0600));
  MUST(replace_file_at(dir.fd(), "state", "two", 0600));
  EXPECT_EQ(MUST(read_file(dir / "state")), "two");
  EXPECT_EQ(mode_of(dir / "state"), 0600U);
  ASSERT_EQ(::unlink((dir / "state").c_str()), 0);
  EXPECT_EQ(::rmdir(dir.path().c_str()), 0) << "something was left behind";
  ASSERT_EQ(::mkdir(dir.path().c_str(), 0700), 0);
}

TEST(ReplaceFile, a_reader_keeps_the_content_it_opened) {
  TempDir dir;
  MUST(replace_file_at(dir.fd(), "state", "old", 0600));
  UniqueFd reader = MUST(open_at(dir.fd(), "state", O_RDONLY));
  MUST(replace_file_at(dir.fd(), "state", "new", 0600));
  EXPECT_EQ(MUST(read_all(reader.get(), "state")), "old");
}

TEST(ReplaceFile, replaces_a_link_and_does_not_write_through_it) {
  TempDir dir;
  put(dir / "precious", "gold");
  ASSERT_EQ(::symlink("precious", (dir / "state").c_str()), 0);
  MUST(replace_file_at(dir.fd(), "state", "lead", 0600));
  EXPECT_EQ(MUST(read_file(dir / "precious")), "gold");
  EXPECT_EQ(MUST(read_file(dir / "state")), "lead");
}

TEST(ReplaceFile, keeps_the_old_content_when_the_new_does_not_fit) {
  TempDir dir;
  MUST(replace_file_at(dir.fd(), "state", "old", 0600));
  testing::in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit smallest{.rlim_cur = 1, .rlim_max = 1};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &smallest), 0);
    const auto replaced = replace_file_at(dir.fd(), "state", "much too long", 0600);
    ::_exit(!replaced && replaced.error().errno_value() == EFBIG ? 0 : 3);  // stdout may be a file, too
  });
  EXPECT_EQ(MUST(read_file(dir / "state")), "old");
  ASSERT_EQ(::unlink((dir / "state").c_str()), 0);
  EXPECT_EQ(::rmdir(dir.path().c_str()), 0) << "the temporary file was left behind";
  ASSERT_EQ(::mkdir(dir.path().c_str(), 0700), 0);
}

TEST(ReplaceFile, does_not_replace_a_directory) {
  TempDir dir;
  ASSERT_EQ(::mkdir((dir / "state").c_str(), 0700), 0);
  EXPECT_FALSE(replace_file_at(dir.fd(), "state", "text", 0600));
  EXPECT_EQ(MUST(names_in(dir.fd(), ".")), std::vector<std::string>{"state"})
      << "the temporary file was left behind";
}

// ---- directories

TEST(MakeDirectories, makes_what_is_missing_and_no_more) {
  TempDir dir;
  ASSERT_EQ(::mkdir((dir / "a").c_str(), 0750), 0);
  MUST(make_directories(dir / "a/b/c", 0711));
  EXPECT_EQ(mode_of(dir / "a"), 0750U);
  EXPECT_EQ(mode_of(dir / "a/b"), 0711U);
  EXPECT_EQ(mode_of(dir / "a/b/c"), 0711U);
  MUST(make_directories(dir / "a/b/c", 0700));
  EXPECT_EQ(mode_of(dir / "a/b/c"), 0711U);
  MUST(make_directories(dir / "a//d///e/", 0711));
  EXPECT_TRUE(exists(dir / "a/d/e"));
  MUST(make_directories("/", 0711));
}

TEST(MakeDirectories, says_which_directory_it_could_not_make) {
  TempDir dir;
  put(dir / "file", "");
  const auto made = make_directories(dir / "file/below/deep", 0755);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().errno_value(), ENOTDIR);
  EXPECT_NE(made.error().message().find(dir / "file/below"), std::string::npos);
}

TEST(MakeDirectories, takes_no_file_for_a_directory) {
  TempDir dir;
  put(dir / "file", "");
  const auto made = make_directories(dir / "file", 0755);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().errno_value(), EEXIST);
  ASSERT_EQ(::symlink("/nowhere", (dir / "dangling").c_str()), 0);
  EXPECT_FALSE(make_directories(dir / "dangling", 0755));
  ASSERT_EQ(::symlink(".", (dir / "link").c_str()), 0);
  MUST(make_directories(dir / "link", 0755));
}

TEST(RemoveTree, removes_everything_but_what_links_lead_to) {
  TempDir dir, other;
  put(other / "precious", "gold");
  MUST(make_directories(dir / "tree/a/b", 0755));
  put(dir / "tree/a/file", "");
  ASSERT_EQ(::symlink(other.path().c_str(), (dir / "tree/a/link").c_str()), 0);
  ASSERT_EQ(::symlink("/nowhere", (dir / "tree/dangling").c_str()), 0);
  ASSERT_EQ(::mkfifo((dir / "tree/fifo").c_str(), 0600), 0);
  MUST(remove_tree_at(dir.fd(), "tree"));
  EXPECT_FALSE(exists(dir / "tree"));
  EXPECT_EQ(MUST(read_file(other / "precious")), "gold");
}

TEST(RemoveTree, removes_a_link_itself) {
  TempDir dir, other;
  put(other / "precious", "gold");
  ASSERT_EQ(::symlink(other.path().c_str(), (dir / "link").c_str()), 0);
  MUST(remove_tree_at(dir.fd(), "link"));
  EXPECT_FALSE(exists(dir / "link"));
  EXPECT_EQ(MUST(read_file(other / "precious")), "gold");
}

TEST(RemoveTree, does_not_mind_that_nothing_is_there) {
  TempDir dir;
  MUST(remove_tree_at(dir.fd(), "missing"));
  MUST(remove_tree_at(dir.fd(), "missing/below"));
}

TEST(RemoveTree, says_what_stays) {
  TempDir dir;
  put(dir / "file", "");
  const auto removed = remove_tree_at(dir.fd(), "file/below");
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().errno_value(), ENOTDIR);
}

TEST(RemoveTree, leaves_no_descriptor_open) {
  TempDir dir;
  const std::size_t before = MUST(names_in(AT_FDCWD, "/proc/self/fd")).size();
  MUST(make_directories(dir / "a/b/c", 0755));
  MUST(remove_tree_at(dir.fd(), "a"));
  EXPECT_EQ(MUST(names_in(AT_FDCWD, "/proc/self/fd")).size(), before);
}

TEST(NamesIn, lists_all_but_the_directory_itself_and_the_one_above) {
  TempDir dir;
  EXPECT_TRUE(MUST(names_in(dir.fd(), ".")).empty());
  put(dir / ".hidden", "");
  put(dir / "..strange", "");
  auto names = MUST(names_in(dir.fd(), "."));
  std::ranges::sort(names);
  EXPECT_EQ(names, (std::vector<std::string>{"..strange", ".hidden"}));
  EXPECT_EQ(MUST(names_in(dir.fd(), ".")).size(), 2U) << "a second listing starts anew";
}

TEST(NamesIn, says_what_it_could_not_list) {
  TempDir dir;
  const auto names = names_in(dir.fd(), "missing");
  ASSERT_FALSE(names);
  EXPECT_EQ(names.error().code(), Code::NotFound);
  put(dir / "file", "");
  EXPECT_FALSE(names_in(dir.fd(), "file"));
}

}  // namespace
}  // namespace gantry
