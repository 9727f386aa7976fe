// SPDX-License-Identifier: Apache-2.0
#include "kernel/copy_up.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstring>

#include "base/file.h"
#include "kernel/mount.h"
#include "testing/child.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::kernel {
namespace {

struct CopyUp : ::testing::Test {
  struct stat status_of(const testing::TempDir& dir, const std::string& name) {
    struct stat st{};
    EXPECT_EQ(::fstatat(dir.fd(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW), 0) << name;
    return st;
  }
  void set_times(const std::string& name) {
    constexpr timespec kTimes[2] = {{.tv_sec = 1000, .tv_nsec = 1}, {.tv_sec = 2000, .tv_nsec = 999'999'999}};
    ASSERT_EQ(::utimensat(from.fd(), name.c_str(), kTimes, AT_SYMLINK_NOFOLLOW), 0);
  }
  void expect_same(const std::string& name) {
    const struct stat a = status_of(from, name), b = status_of(to, name);
    EXPECT_EQ(a.st_mode, b.st_mode) << name;
    EXPECT_EQ(a.st_uid, b.st_uid) << name;
    EXPECT_EQ(a.st_gid, b.st_gid) << name;
    EXPECT_EQ(a.st_rdev, b.st_rdev) << name;
    EXPECT_EQ(a.st_mtim.tv_sec, b.st_mtim.tv_sec) << name;
    EXPECT_EQ(a.st_mtim.tv_nsec, b.st_mtim.tv_nsec) << name;
  }
  void copy() { MUST(copy_up(from.fd(), to.fd())); }
  testing::TempDir from, to;
};

TEST_F(CopyUp, nothing_is_nothing) {
  copy();
  EXPECT_TRUE(MUST(names_in(to.fd(), ".")).empty());
}

TEST_F(CopyUp, a_tree_keeps_contents_modes_and_times) {
  MUST(make_directories(from / "a/b/.hidden", 0755));
  const std::string big(3 << 20, 'b');
  MUST(replace_file_at(from.fd(), "a/big", big, 0640));
  MUST(replace_file_at(from.fd(), "a/b/empty", "", 0400));
  ASSERT_EQ(::fchmodat(from.fd(), "a/b", 01777, 0), 0);
  for (const char* name : {"a/big", "a/b/empty", "a/b/.hidden", "a/b", "a"}) set_times(name);
  copy();
  EXPECT_EQ(MUST(read_file(to / "a/big")), big);
  EXPECT_EQ(MUST(read_file(to / "a/b/empty")), "");
  for (const char* name : {"a", "a/b", "a/big", "a/b/empty", "a/b/.hidden"}) expect_same(name);
}

TEST_F(CopyUp, links_are_copied_and_never_followed) {
  testing::TempDir outside;
  MUST(replace_file_at(outside.fd(), "secret", "host", 0600));
  ASSERT_EQ(::symlinkat(outside.path().c_str(), from.fd(), "out"), 0);
  ASSERT_EQ(::symlinkat("/no/where", from.fd(), "dangling"), 0);
  ASSERT_EQ(::symlinkat("loop", from.fd(), "loop"), 0);
  const std::string longest(4095, 'l');
  ASSERT_EQ(::symlinkat(longest.c_str(), from.fd(), "long"), 0);
  for (const char* name : {"out", "dangling", "loop", "long"}) set_times(name);
  copy();
  for (const char* name : {"out", "dangling", "loop", "long"}) expect_same(name);
  char target[4097] = {};
  ASSERT_EQ(::readlinkat(to.fd(), "long", target, sizeof target), 4095);
  EXPECT_EQ(target, longest);
  ASSERT_GT(::readlinkat(to.fd(), "dangling", target, sizeof target), 0);
  EXPECT_EQ(std::string_view(target).substr(0, 9), "/no/where");
}

TEST_F(CopyUp, fifos_and_sockets_do_not_hang_it) {
  ASSERT_EQ(::mkfifoat(from.fd(), "fifo", 0620), 0);
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX};
  const std::string path = from / "socket";
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  set_times("fifo");
  set_times("socket");
  copy();
  expect_same("fifo");
  expect_same("socket");
}

TEST_F(CopyUp, devices_and_owners_and_set_id_bits_stay) {
  NEEDS_ROOT();
  ASSERT_EQ(::mknodat(from.fd(), "null", S_IFCHR | 0666, makedev(1, 3)), 0);
  ASSERT_EQ(::mknodat(from.fd(), "disk", S_IFBLK | 0660, makedev(8, 1)), 0);
  MUST(replace_file_at(from.fd(), "su", "program", 0755));
  MUST(make_directories(from / "shared", 0755));
  ASSERT_EQ(::symlinkat("x", from.fd(), "link"), 0);
  for (const char* name : {"null", "disk", "su", "shared", "link"})
    ASSERT_EQ(::fchownat(from.fd(), name, 1234, 5678, AT_SYMLINK_NOFOLLOW), 0);
  ASSERT_EQ(::fchmodat(from.fd(), "su", 06755, 0), 0);
  ASSERT_EQ(::fchmodat(from.fd(), "shared", 02775, 0), 0);
  for (const char* name : {"null", "disk", "su", "shared", "link"}) set_times(name);
  copy();
  for (const char* name : {"null", "disk", "su", "shared", "link"}) expect_same(name);
}

// What `name` of the copy has, or the error.
std::string attribute_of(const std::string& path, const char* name) {
  char value[4096];
  const ssize_t size = ::getxattr(path.c_str(), name, value, sizeof value);
  return size < 0 ? describe_errno(errno) : std::string(value, static_cast<std::size_t>(size));
}

TEST_F(CopyUp, extended_attributes_stay) {
  NEEDS_ROOT();
  const std::string value("a\0b", 3);
  MUST(replace_file_at(from.fd(), "file", "text", 0444));
  MUST(make_directories(from / "dir", 0555));
  if (::setxattr((from / "file").c_str(), "trusted.test", value.data(), value.size(), 0) < 0)
    GTEST_SKIP() << "no extended attributes here";
  ASSERT_EQ(::setxattr((from / "dir").c_str(), "trusted.test", "", 0, 0), 0);
  copy();
  EXPECT_EQ(attribute_of(to / "file", "trusted.test"), value);
  EXPECT_EQ(attribute_of(to / "dir", "trusted.test"), "");
}

TEST_F(CopyUp, a_programs_capabilities_stay) {
  NEEDS_ROOT();
  MUST(replace_file_at(from.fd(), "ping", "program", 0755));
  const vfs_cap_data caps{.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
                          .data = {{.permitted = 1U << CAP_NET_RAW, .inheritable = 0}}};
  if (::setxattr((from / "ping").c_str(), "security.capability", &caps, sizeof caps, 0) < 0)
    GTEST_SKIP() << "no file capabilities here";
  copy();
  EXPECT_EQ(attribute_of(to / "ping", "security.capability"),
            attribute_of(from / "ping", "security.capability"));
}

TEST_F(CopyUp, attributes_that_the_new_file_system_does_not_take_stay_behind) {
  NEEDS_ROOT();
  MUST(replace_file_at(from.fd(), "file", "text", 0644));
  testing::in_namespaces(CLONE_NEWNS, [&] {
    kernel::DetachedMount ramfs = MUST(kernel::DetachedMount::create({.type = "ramfs", .source = "ramfs"}));
    if (::setxattr((from / "file").c_str(), "trusted.test", "x", 1, 0) < 0) return;
    UniqueFd target = MUST(open_at(ramfs.fd(), ".", O_RDONLY | O_DIRECTORY));
    MUST(copy_up(from.fd(), target.get()));
    EXPECT_EQ(MUST(read_file_at(target.get(), "file")), "text");
  });
}

TEST_F(CopyUp, an_error_says_where_it_was) {
  MUST(make_directories(from / "a/b", 0755));
  MUST(replace_file_at(from.fd(), "a/b/file", "", 0644));
  MUST(make_directories(to / "a", 0755));
  const auto in_the_way = copy_up(from.fd(), to.fd());
  ASSERT_FALSE(in_the_way);
  EXPECT_EQ(in_the_way.error().message(), "'a': make directory: File exists (EEXIST)");
}

TEST_F(CopyUp, a_full_file_system_is_an_error) {
  NEEDS_ROOT();
  MUST(make_directories(from / "a", 0755));
  MUST(replace_file_at(from.fd(), "a/big", std::string(1 << 20, 'x'), 0644));
  testing::in_namespaces(CLONE_NEWNS, [&] {
    kernel::DetachedMount small =
        MUST(kernel::DetachedMount::create({.type = "tmpfs", .source = "tmpfs", .options = {"size=64k"}}));
    UniqueFd target = MUST(open_at(small.fd(), ".", O_RDONLY | O_DIRECTORY));
    const auto copied = copy_up(from.fd(), target.get());
    ASSERT_FALSE(copied);
    EXPECT_EQ(copied.error().message(), "'a': 'big': copy contents: No space left on device (ENOSPC)");
  });
}

}  // namespace
}  // namespace gantry::kernel
