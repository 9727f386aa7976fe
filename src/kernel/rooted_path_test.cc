// SPDX-License-Identifier: Apache-2.0
//
// A root with everything a hostile image could bring, beside a directory that
// nothing may ever reach.
#include "kernel/rooted_path.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>

#include "base/file.h"
#include "testing/child.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::kernel {
namespace {

TEST(CleanPath, goes_by_words_only) {
  const struct {
    std::string_view path, clean;
  } cases[] = {
      {"", "/"},
      {"/", "/"},
      {"//", "/"},
      {".", "/"},
      {"..", "/"},
      {"../../..", "/"},
      {"a", "/a"},
      {"a/", "/a"},
      {"/a//b/../c/", "/a/c"},
      {"/a/./b/.", "/a/b"},
      {"/a/..", "/"},
      {"/a/../../../b", "/b"},
      {"/..a/b../.c/...", "/..a/b../.c/..."},
      {"a/b/c/../../d", "/a/d"},
      {"/ /\n", "/ /\n"},
  };
  for (const auto& [path, clean] : cases) {
    EXPECT_EQ(clean_path(path), clean) << "'" << path << "'";
    EXPECT_EQ(clean_path(clean), clean) << "cleaning once is enough";
  }
}

class RootDirTest : public ::testing::Test {
 protected:
  RootDirTest() {
    MUST(make_directories(dir_ / "root/etc", 0755));
    MUST(make_directories(dir_ / "outside", 0755));
    MUST(replace_file_at(dir_.fd(), "outside/secret", "host", 0644));
    MUST(replace_file_at(dir_.fd(), "root/etc/file", "container", 0644));
    root_.emplace(MUST(RootDir::open(dir_ / "root")));
  }

  void link(const std::string& target, const std::string& name) {
    ASSERT_EQ(::symlink(target.c_str(), (dir_ / ("root/" + name)).c_str()), 0);
  }
  // What is below the root, or below the directory outside of it.
  bool exists(const std::string& path) const {
    return ::faccessat(dir_.fd(), path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
  }
  // The path of a descriptor as seen from the root's own directory.
  std::string place_of(const Result<UniqueFd>& opened) const {
    if (!opened) return opened.error().message();
    const std::string path = MUST(path_of(opened->get()));
    return path.starts_with(dir_.path()) ? path.substr(dir_.path().size()) : path;
  }
  int reason(const Result<UniqueFd>& opened) const { return opened ? 0 : opened.error().errno_value(); }

  void expect_nothing_new_outside() const {
    EXPECT_EQ(MUST(names_in(dir_.fd(), "outside")), std::vector<std::string>{"secret"});
    auto names = MUST(names_in(dir_.fd(), "."));
    std::ranges::sort(names);
    EXPECT_EQ(names, (std::vector<std::string>{"outside", "root"}));
  }

  testing::TempDir dir_;
  std::optional<RootDir> root_;
};

TEST_F(RootDirTest, opens_what_is_in_it_and_closes_it_on_exec) {
  UniqueFd file = MUST(root_->open_path("/etc/file", O_RDONLY));
  EXPECT_EQ(MUST(read_all(file.get(), "file")), "container");
  EXPECT_EQ(::fcntl(file.get(), F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(reason(root_->open_path("/etc/missing", O_RDONLY)), ENOENT);
  EXPECT_EQ(reason(root_->open_path("/etc/file/below", O_RDONLY)), ENOTDIR);
}

TEST_F(RootDirTest, dots_do_not_lead_out) {
  EXPECT_EQ(reason(root_->open_path("../outside/secret", O_RDONLY)), ENOENT);
  EXPECT_EQ(reason(root_->open_path("/etc/../../../../outside/secret", O_RDONLY)), ENOENT);
  EXPECT_EQ(place_of(root_->open_path("/../../etc/../etc/file", O_PATH)), "/root/etc/file");
  EXPECT_EQ(place_of(root_->make_directory("../../made/../made", 0755)), "/root/made");
  expect_nothing_new_outside();
}

TEST_F(RootDirTest, links_are_followed_inside) {
  link("/etc/file", "absolute");
  link("etc/../etc/file", "relative");
  link("absolute", "chain");
  for (const char* name : {"absolute", "relative", "chain"})
    EXPECT_EQ(place_of(root_->open_path(name, O_PATH)), "/root/etc/file") << name;
}

TEST_F(RootDirTest, links_do_not_lead_out) {
  link(dir_ / "outside", "absolute");
  link("../outside", "relative");
  link("../../../../../../../../" + (dir_ / "outside"), "deep");
  link("relative", "chain");
  link("/", "top");
  for (const char* name : {"absolute", "relative", "deep", "chain", "top/../outside"}) {
    EXPECT_EQ(reason(root_->open_path(std::string(name) + "/secret", O_RDONLY)), ENOENT) << name;
    (void)root_->make_file(std::string(name) + "/made", 0644);
    (void)root_->make_directory(std::string(name) + "/made-too", 0755);
  }
  expect_nothing_new_outside();
  EXPECT_EQ(place_of(root_->open_path("top/etc", O_PATH)), "/root/etc");
}

TEST_F(RootDirTest, magic_links_of_proc_are_not_followed) {
  testing::TempDir other;
  // A link to a link of /proc that jumps to what this process has open.
  const RootDir host = MUST(RootDir::open("/"));
  for (const std::string& path :
       std::vector<std::string>{"/proc/self/root", "/proc/self/cwd", "/proc/self/root/etc",
                                "/proc/self/fd/" + std::to_string(other.fd())}) {
    EXPECT_EQ(reason(host.open_path(path, O_PATH)), ELOOP) << path;
    EXPECT_EQ(reason(host.make_directory(path, 0755)), ELOOP) << path;
  }
}

TEST_F(RootDirTest, a_loop_of_links_is_an_error) {
  link("b", "a");
  link("a", "b");
  link("self/", "self");
  for (const char* name : {"a", "self", "a/below"}) {
    EXPECT_EQ(reason(root_->open_path(name, O_PATH)), ELOOP) << name;
    EXPECT_EQ(reason(root_->make_directory(name, 0755)), ELOOP) << name;
    EXPECT_EQ(reason(root_->make_file(name, 0644)), ELOOP) << name;
  }
}

TEST_F(RootDirTest, without_links_means_none_at_all) {
  link("etc", "inside");
  EXPECT_EQ(place_of(root_->open_without_links("/etc/file", O_PATH)), "/root/etc/file");
  EXPECT_EQ(reason(root_->open_without_links("/inside/file", O_PATH)), ELOOP);
  EXPECT_EQ(reason(root_->open_without_links("/inside", O_PATH)), ELOOP);
  EXPECT_EQ(reason(root_->open_without_links("../outside/secret", O_PATH)), ENOENT);
}

// ---- making

TEST_F(RootDirTest, makes_directories_and_files_with_all_above_them) {
  EXPECT_EQ(place_of(root_->make_directory("/a/b/c", 0700)), "/root/a/b/c");
  EXPECT_EQ(place_of(root_->make_file("x//y/./z", 0600)), "/root/x/y/z");
  struct stat st{};
  ASSERT_EQ(::fstatat(dir_.fd(), "root/a/b/c", &st, 0), 0);
  EXPECT_EQ(st.st_mode, S_IFDIR | 0700U);
  ASSERT_EQ(::fstatat(dir_.fd(), "root/a/b", &st, 0), 0);
  EXPECT_EQ(st.st_mode, S_IFDIR | 0755U);
  ASSERT_EQ(::fstatat(dir_.fd(), "root/x/y/z", &st, 0), 0);
  EXPECT_EQ(st.st_mode, S_IFREG | 0600U);
}

TEST_F(RootDirTest, takes_what_is_there_as_it_is) {
  EXPECT_EQ(place_of(root_->make_file("/etc/file", 0600)), "/root/etc/file");
  EXPECT_EQ(MUST(read_file(dir_ / "root/etc/file")), "container");
  EXPECT_EQ(place_of(root_->make_directory("/etc", 0700)), "/root/etc");
  EXPECT_EQ(place_of(root_->make_directory("/", 0700)), "/root");
}

TEST_F(RootDirTest, a_file_in_the_way_is_an_error) {
  EXPECT_EQ(reason(root_->make_directory("/etc/file", 0755)), ENOTDIR);
  EXPECT_EQ(reason(root_->make_directory("/etc/file/below", 0755)), ENOTDIR);
  EXPECT_EQ(reason(root_->make_file("/etc/file/below", 0644)), ENOTDIR);
}

TEST_F(RootDirTest, the_target_of_a_dangling_link_is_made_inside) {
  link("/run/lock/x", "absolute");
  link("../run/relative", "etc/relative");
  link("absolute", "chain");
  EXPECT_EQ(place_of(root_->make_directory("/absolute", 0755)), "/root/run/lock/x");
  EXPECT_EQ(place_of(root_->make_directory("/chain", 0755)), "/root/run/lock/x");
  EXPECT_EQ(place_of(root_->make_file("/etc/relative", 0644)), "/root/run/relative");
}

TEST_F(RootDirTest, what_a_dangling_link_above_leads_to_is_made_too) {
  link("/run", "etc/run");
  EXPECT_EQ(place_of(root_->make_file("/etc/run/a/file", 0644)), "/root/run/a/file");
}

// Where ".." of a link leads is decided by where the link stands, not by the words of the path to it.
TEST_F(RootDirTest, a_dangling_link_behind_a_link_is_resolved_from_where_it_stands) {
  MUST(root_->make_directory("/x/y", 0755));
  link("/x/y", "jump");
  link("../z", "x/y/dangling");
  EXPECT_EQ(place_of(root_->make_directory("/jump/dangling", 0755)), "/root/x/z");
  EXPECT_FALSE(exists("root/z"));
}

TEST_F(RootDirTest, dangling_links_do_not_make_anything_outside) {
  link(dir_ / "outside/made", "absolute");
  link("../outside/made", "relative");
  link("../../outside/made", "etc/relative");
  for (const char* name : {"absolute", "relative", "etc/relative"}) {
    const auto made = root_->make_directory(name, 0755);
    EXPECT_TRUE(place_of(made).starts_with("/root/")) << place_of(made);
  }
  expect_nothing_new_outside();
}

TEST_F(RootDirTest, an_endless_row_of_dangling_links_ends) {
  for (int i = 0; i < 100; ++i) link("link" + std::to_string(i + 1), "link" + std::to_string(i));
  EXPECT_EQ(reason(root_->make_directory("/link0", 0755)), ELOOP);
}

TEST_F(RootDirTest, makes_the_parent_and_says_the_name) {
  auto [parent, name] = MUST(root_->make_parent("/dev/a/../b/null/", 0755));
  EXPECT_EQ(name, "null");
  EXPECT_EQ(MUST(path_of(parent.get())), dir_ / "root/dev/b");
  for (const char* path : {"/", "", "..", "/a/.."}) {
    const auto refused = root_->make_parent(path, 0755);
    ASSERT_FALSE(refused) << path;
    EXPECT_EQ(refused.error().code(), Code::InvalidArgument);
  }
}

TEST_F(RootDirTest, names_with_strange_bytes_are_only_names) {
  const std::string strange = "/a\nb\x1b[31m/\xff\xfe/ ";
  EXPECT_EQ(place_of(root_->make_directory(strange, 0755)), "/root" + strange);
  EXPECT_EQ(reason(root_->make_directory("/" + std::string(300, 'x'), 0755)), ENAMETOOLONG);
}

TEST_F(RootDirTest, opening_a_root_that_is_none_is_an_error) {
  EXPECT_FALSE(RootDir::open(dir_ / "missing"));
  EXPECT_FALSE(RootDir::open(dir_ / "outside/secret"));
}

// While a directory and a link out of the root change places as fast as they can, every path either leads
// inside or is an error.
TEST_F(RootDirTest, racing_renames_do_not_lead_out) {
  MUST(root_->make_directory("/swap/deep", 0755));
  link("../outside", "evil");
  std::atomic<bool> stop = false;
  std::thread racer([&] {
    const int at = dir_.fd();
    while (!stop) (void)::syscall(SYS_renameat2, at, "root/swap", at, "root/evil", RENAME_EXCHANGE);
  });
  for (int i = 0; i < 2000; ++i) {
    if (const auto secret = root_->open_path("/swap/secret", O_RDONLY)) ADD_FAILURE() << place_of(secret);
    (void)root_->make_file("/swap/made", 0644);
    (void)root_->make_directory("/swap/deep/../made-too/deeper", 0755);
  }
  stop = true;
  racer.join();
  expect_nothing_new_outside();
}

TEST(PathOf, fails_for_what_has_no_path_here) {
  int fds[2];
  ASSERT_EQ(::pipe2(fds, O_CLOEXEC), 0);
  UniqueFd read_end(fds[0]), write_end(fds[1]);
  const auto path = path_of(fds[0]);
  ASSERT_FALSE(path);
  EXPECT_EQ(path.error().code(), Code::NotFound);
  EXPECT_FALSE(path_of(-1));
}

TEST(PathOf, fails_for_what_was_removed) {
  testing::TempDir dir;
  ASSERT_EQ(::mkdir((dir / "gone").c_str(), 0700), 0);
  UniqueFd fd = MUST(open_at(dir.fd(), "gone", O_PATH));
  EXPECT_EQ(MUST(path_of(fd.get())), dir / "gone");
  ASSERT_EQ(::rmdir((dir / "gone").c_str()), 0);
  EXPECT_FALSE(path_of(fd.get()));
}

}  // namespace
}  // namespace gantry::kernel
