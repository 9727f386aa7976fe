// SPDX-License-Identifier: Apache-2.0
//
// Every test has a mount namespace of its own, in a child.
#include "kernel/mount.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"
#include "kernel/id_map.h"
#include "testing/child.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::kernel {
namespace {

using testing::in_namespaces;
using testing::TempDir;

UniqueFd open_dir(const std::string& path) { return MUST(open_at(AT_FDCWD, path, O_PATH | O_DIRECTORY)); }

DetachedMount new_tmpfs(std::vector<std::string> options = {}, std::uint64_t attributes = 0) {
  return MUST(DetachedMount::create(
      {.type = "tmpfs", .source = "test", .options = std::move(options), .attributes = attributes}));
}

unsigned long flags_of(int fd) {
  struct statvfs fs{};
  EXPECT_EQ(::fstatvfs(fd, &fs), 0);
  return fs.f_flag;
}

int errno_of_mkdir(const std::string& path) { return ::mkdir(path.c_str(), 0700) == 0 ? 0 : errno; }

// The optional fields of the topmost mount there ("shared:7", "master:3"), as /proc/self/mountinfo has them.
std::string propagation_of(const std::string& mount_point) {
  const std::string table = MUST(read_file("/proc/self/mountinfo"));
  const std::size_t at = table.rfind(" " + mount_point + " ");
  if (at == std::string::npos) return "no mount";
  const std::string line = table.substr(at, table.find('\n', at) - at);
  return line.substr(0, line.find(" - "));
}

#define IN_OWN_MOUNT_NAMESPACE(...) \
  NEEDS_ROOT();                     \
  testing::in_namespaces(CLONE_NEWNS, __VA_ARGS__)

TEST(DetachedMount, a_read_only_copy_refuses_writes_and_leaves_its_origin_alone) {
  IN_OWN_MOUNT_NAMESPACE([] {
    TempDir origin, target;
    DetachedMount copy = MUST(DetachedMount::copy_of(origin.fd(), "", Depth::One));
    MUST(copy.set_attributes({.set = MOUNT_ATTR_RDONLY}, Depth::One));
    MUST(copy.attach_to(open_dir(target.path()).get()));
    EXPECT_EQ(errno_of_mkdir(target / "x"), EROFS);
    EXPECT_EQ(errno_of_mkdir(origin / "x"), 0);
    ASSERT_EQ(::umount2(target.path().c_str(), MNT_DETACH), 0);
  });
}

TEST(DetachedMount, is_seen_nowhere_until_it_is_attached_and_goes_with_its_owner) {
  IN_OWN_MOUNT_NAMESPACE([] {
    TempDir target;
    const std::string before = MUST(read_file("/proc/self/mountinfo"));
    {
      DetachedMount mount = new_tmpfs();
      ASSERT_EQ(::mkdirat(mount.fd(), "inside", 0700), 0);
      EXPECT_EQ(MUST(read_file("/proc/self/mountinfo")), before);
    }
    EXPECT_EQ(MUST(read_file("/proc/self/mountinfo")), before);
    {
      DetachedMount mount = new_tmpfs();
      ASSERT_EQ(::mkdirat(mount.fd(), "inside", 0700), 0);
      MUST(mount.attach_to(open_dir(target.path()).get()));
    }
    EXPECT_EQ(::access((target / "inside").c_str(), F_OK), 0) << "what is attached stays";
    ASSERT_EQ(::umount2(target.path().c_str(), MNT_DETACH), 0);
  });
}

TEST(DetachedMount, a_tree_has_the_mounts_below_and_one_has_not) {
  IN_OWN_MOUNT_NAMESPACE([] {
    TempDir origin;
    MUST(make_directories(origin / "below", 0755));
    DetachedMount below = new_tmpfs();
    ASSERT_EQ(::mkdirat(below.fd(), "inside", 0700), 0);
    MUST(below.attach_to(open_dir(origin / "below").get()));
    DetachedMount tree = MUST(DetachedMount::copy_of(AT_FDCWD, origin.path(), Depth::Tree));
    DetachedMount one = MUST(DetachedMount::copy_of(AT_FDCWD, origin.path(), Depth::One));
    EXPECT_EQ(::faccessat(tree.fd(), "below/inside", F_OK, 0), 0);
    EXPECT_EQ(::faccessat(one.fd(), "below/inside", F_OK, 0), -1);
    // Attributes reach as far as they are told.
    MUST(tree.set_attributes({.set = MOUNT_ATTR_RDONLY}, Depth::One));
    EXPECT_EQ(::mkdirat(tree.fd(), "below/a", 0700), 0);
    MUST(tree.set_attributes({.set = MOUNT_ATTR_RDONLY}, Depth::Tree));
    EXPECT_EQ(::mkdirat(tree.fd(), "below/b", 0700), -1);
    EXPECT_EQ(errno, EROFS);
    MUST(tree.set_attributes({.clear = MOUNT_ATTR_RDONLY}, Depth::Tree));
    EXPECT_EQ(::mkdirat(tree.fd(), "below/b", 0700), 0);
    ASSERT_EQ(::umount2((origin / "below").c_str(), MNT_DETACH), 0);
  });
}

TEST(DetachedMount, a_file_can_be_covered_by_a_file) {
  IN_OWN_MOUNT_NAMESPACE([] {
    TempDir dir;
    MUST(replace_file_at(dir.fd(), "over", "over", 0644));
    MUST(replace_file_at(dir.fd(), "under", "under", 0644));
    DetachedMount copy = MUST(DetachedMount::copy_of(dir.fd(), "over", Depth::One));
    UniqueFd target = MUST(open_at(dir.fd(), "under", O_PATH));
    MUST(copy.attach_to(target.get()));
    EXPECT_EQ(MUST(read_file(dir / "under")), "over");
    ASSERT_EQ(::umount2((dir / "under").c_str(), MNT_DETACH), 0);
    // But not a directory, in neither direction.
    DetachedMount tmpfs = new_tmpfs();
    const auto attached = tmpfs.attach_to(target.get());
    ASSERT_FALSE(attached);
    EXPECT_TRUE(attached.error().errno_value() == ENOTDIR || attached.error().errno_value() == EINVAL);
  });
}

TEST(DetachedMount, attributes_are_what_the_kernel_shows) {
  IN_OWN_MOUNT_NAMESPACE([] {
    DetachedMount mount = new_tmpfs({}, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOATIME);
    EXPECT_EQ(flags_of(mount.fd()) & (ST_NOSUID | ST_NODEV | ST_NOEXEC | ST_NOATIME),
              ST_NOSUID | ST_NODEV | ST_NOATIME);
    MUST(mount.set_attributes({.set = MOUNT_ATTR_NOEXEC, .clear = MOUNT_ATTR_NODEV}, Depth::One));
    EXPECT_EQ(flags_of(mount.fd()) & (ST_NOSUID | ST_NODEV | ST_NOEXEC), ST_NOSUID | ST_NOEXEC);
    MUST(mount.set_attributes({}, Depth::Tree));
    EXPECT_EQ(flags_of(mount.fd()) & (ST_NOSUID | ST_NODEV | ST_NOEXEC), ST_NOSUID | ST_NOEXEC);
    EXPECT_TRUE(MountAttributes{}.empty());
    EXPECT_FALSE(MountAttributes{.propagation = MS_SLAVE}.empty());
  });
}

TEST(DetachedMount, propagation_is_set_when_it_is_attached) {
  IN_OWN_MOUNT_NAMESPACE([] {
    TempDir target;
    DetachedMount mount = new_tmpfs();
    MUST(mount.attach_to(open_dir(target.path()).get()));
    EXPECT_EQ(propagation_of(target.path()).find("shared:"), std::string::npos);
    MUST(mount.set_attributes({.propagation = MS_SHARED}, Depth::One));
    EXPECT_NE(propagation_of(target.path()).find("shared:"), std::string::npos);
    MUST(mount.set_attributes({.propagation = MS_PRIVATE}, Depth::One));
    EXPECT_EQ(propagation_of(target.path()).find("shared:"), std::string::npos);
    ASSERT_EQ(::umount2(target.path().c_str(), MNT_DETACH), 0);
  });
}

// ---- the kernel's words

TEST(NewFilesystem, options_reach_the_file_system) {
  IN_OWN_MOUNT_NAMESPACE([] {
    DetachedMount mount = new_tmpfs({"size=64k", "mode=1750", "uid=7"});
    struct statvfs fs{};
    ASSERT_EQ(::fstatvfs(mount.fd(), &fs), 0);
    EXPECT_EQ(fs.f_blocks * fs.f_frsize, 64U << 10);
    struct stat st{};
    ASSERT_EQ(::fstat(mount.fd(), &st), 0);
    EXPECT_EQ(st.st_mode & 07777, 01750U);
    EXPECT_EQ(st.st_uid, 7U);
  });
}

TEST(NewFilesystem, errors_have_the_kernels_own_words) {
  IN_OWN_MOUNT_NAMESPACE([] {
    const auto unknown = DetachedMount::create({.type = "tmpfs", .source = "tmpfs", .options = {"sise=64k"}});
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().message(),
              "mount tmpfs with 'sise=64k': tmpfs: Unknown parameter 'sise': Invalid argument (EINVAL)");
    const auto bad = DetachedMount::create({.type = "tmpfs", .source = "tmpfs", .options = {"size=much"}});
    ASSERT_FALSE(bad);
    EXPECT_NE(bad.error().message().find("mount tmpfs with 'size=much': tmpfs: Bad value for 'size'"),
              std::string::npos)
        << bad.error().message();
    const auto flag = DetachedMount::create({.type = "tmpfs", .source = "tmpfs", .options = {"size"}});
    EXPECT_FALSE(flag);
  });
}

TEST(NewFilesystem, a_type_that_is_none_is_named) {
  IN_OWN_MOUNT_NAMESPACE([] {
    for (const char* type : {"no-such-fs", "", "../ext4"}) {
      const auto mount = DetachedMount::create({.type = type});
      ASSERT_FALSE(mount);
      EXPECT_EQ(mount.error().errno_value(), ENODEV);
      EXPECT_NE(mount.error().message().find("'" + std::string(type) + "'"), std::string::npos);
    }
  });
}

TEST(DetachedMount, copying_what_is_not_there_is_an_error_that_names_it) {
  IN_OWN_MOUNT_NAMESPACE([] {
    TempDir dir;
    const auto copy = DetachedMount::copy_of(dir.fd(), "missing", Depth::One);
    ASSERT_FALSE(copy);
    EXPECT_EQ(copy.error().message(), "copy mount 'missing': No such file or directory (ENOENT)");
  });
}

TEST(DetachedMount, ids_are_mapped) {
  IN_OWN_MOUNT_NAMESPACE([] {
    TempDir dir;
    MUST(replace_file_at(dir.fd(), "file", "", 0644));
    ASSERT_EQ(::fchownat(dir.fd(), "file", 5, 6, 0), 0);
    auto user_namespace = make_user_namespace({.uids = {{0, 1000, 10}}, .gids = {{0, 2000, 10}}});
    ASSERT_TRUE(user_namespace) << user_namespace.error().message();
    DetachedMount copy = MUST(DetachedMount::copy_of(dir.fd(), "", Depth::Tree));
    const auto mapped = copy.set_id_map(user_namespace->get(), Depth::Tree);
    ASSERT_TRUE(mapped) << mapped.error().message();
    struct stat st{};
    ASSERT_EQ(::fstatat(copy.fd(), "file", &st, 0), 0);
    EXPECT_EQ(st.st_uid, 1005U);
    EXPECT_EQ(st.st_gid, 2006U);
    EXPECT_FALSE(copy.set_id_map(dir.fd(), Depth::Tree)) << "a directory is no user namespace";
  });
}

TEST(SetMountAttributes, needs_a_mount) {
  IN_OWN_MOUNT_NAMESPACE([] {
    TempDir dir;
    ASSERT_EQ(::mkdir((dir / "below").c_str(), 0700), 0);
    UniqueFd below = MUST(open_at(dir.fd(), "below", O_PATH));
    const auto set = set_mount_attributes(below.get(), {.set = MOUNT_ATTR_RDONLY}, Depth::One);
    ASSERT_FALSE(set) << "a directory that is no mount point";
    EXPECT_EQ(set.error().errno_value(), EINVAL);
  });
}

// ---- roots

// A root with one directory "inside", attached to `target`.
DetachedMount attach_new_root(const TempDir& target) {
  DetachedMount root = new_tmpfs();
  EXPECT_EQ(::mkdirat(root.fd(), "inside", 0700), 0);
  MUST(root.attach_to(open_dir(target.path()).get()));
  return root;
}

TEST(PivotTo, lets_go_of_the_old_root) {
  NEEDS_ROOT();
  TempDir target;  // of the test, for its path cannot be removed from inside
  in_namespaces(CLONE_NEWNS, [&] {
    DetachedMount root = attach_new_root(target);
    MUST(pivot_to(root.fd()));
    EXPECT_EQ(::access("/inside", F_OK), 0);
    EXPECT_EQ(::access("/proc", F_OK), -1);
    EXPECT_EQ(::access("/../../proc", F_OK), -1);
    char directory[8];
    EXPECT_STREQ(::getcwd(directory, sizeof directory), "/");
  });
}

TEST(PivotTo, needs_a_mount_point) {
  NEEDS_ROOT();
  TempDir target;
  in_namespaces(CLONE_NEWNS, [&] {
    const auto pivoted = pivot_to(target.fd());
    ASSERT_FALSE(pivoted);
    EXPECT_EQ(pivoted.error().message(), "pivot root: Invalid argument (EINVAL)");
  });
}

TEST(MoveRootTo, hides_the_old_root) {
  NEEDS_ROOT();
  TempDir target;
  in_namespaces(CLONE_NEWNS, [&] {
    DetachedMount root = attach_new_root(target);
    MUST(move_root_to(root.fd()));
    EXPECT_EQ(::access("/inside", F_OK), 0);
    EXPECT_EQ(::access("/proc", F_OK), -1);
    EXPECT_EQ(::access("/../../proc", F_OK), -1);
  });
}

}  // namespace
}  // namespace gantry::kernel
