// SPDX-License-Identifier: Apache-2.0
//
// Every test has a mount namespace, and a tmpfs for its layers, of its own.
#include "kernel/overlay.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <thread>
#include <utility>

#include "base/file.h"
#include "kernel/id_map.h"
#include "kernel/namespaces.h"
#include "testing/child.h"
#include "testing/must.h"

namespace gantry::kernel {
namespace {

using testing::in_child;

// Directories of layers on a file system that is gone with the test, whatever is in them.
class Layers {
 public:
  Layers()
      : root_(MUST(DetachedMount::create({.type = "tmpfs", .source = "test", .options = {"size=64m"}}))) {
    UniqueFd target = MUST(open_at(AT_FDCWD, "/mnt", O_PATH));
    MUST(root_.attach_to(target.get()));
    MUST(make_directories("/mnt/writable/fs", 0755));
    MUST(make_directories("/mnt/writable/work", 0755));
  }

  // A new layer, above those before.
  std::string add() {
    const std::string path = "/mnt/" + std::string(200, 'x') + std::to_string(lowers_.size());
    MUST(make_directories(path, 0755));
    lowers_.insert(lowers_.begin(), MUST(open_at(AT_FDCWD, path, O_PATH | O_DIRECTORY)));
    return path + "/";
  }
  Overlay read_only() const {
    Overlay overlay;
    for (const UniqueFd& lower : lowers_) overlay.lowers.push_back(lower.get());
    return overlay;
  }
  Overlay writable() {
    Overlay overlay = read_only();
    writable_ = MUST(open_at(AT_FDCWD, "/mnt/writable", O_PATH | O_DIRECTORY));
    overlay.writable = writable_.get();
    return overlay;
  }

 private:
  DetachedMount root_;
  std::vector<UniqueFd> lowers_;
  UniqueFd writable_;
};

void write(const std::string& path, const std::string& text) {
  MUST(replace_file_at(AT_FDCWD, path, text, 0644));
}

bool is_there(int dir, const std::string& name) { return ::faccessat(dir, name.c_str(), F_OK, 0) == 0; }

bool is_kernel_at_least(int wanted_major, int wanted_minor) {
  utsname system{};
  int major = 0, minor = 0;
  return ::uname(&system) == 0 && std::sscanf(system.release, "%d.%d", &major, &minor) == 2 &&
         std::pair(major, minor) >= std::pair(wanted_major, wanted_minor);
}
bool takes_descriptors() { return is_kernel_at_least(6, 15); }  // of detached mounts, too
// Layers are on a tmpfs here, which has id-mapped mounts since Linux 6.3 and attributes of users since 6.6.
bool is_tmpfs_complete() { return is_kernel_at_least(6, 6); }

class OverlayBy : public ::testing::TestWithParam<OverlayMethod> {
 protected:
  void in_own_mounts(auto body) {
    NEEDS_ROOT();
    if (GetParam() == OverlayMethod::Fuse && ::access("/usr/bin/fuse-overlayfs", X_OK) != 0)
      GTEST_SKIP() << "needs fuse-overlayfs";
    if (GetParam() == OverlayMethod::Descriptors && !takes_descriptors()) GTEST_SKIP() << "needs Linux 6.15";
    testing::in_namespaces(CLONE_NEWNS, body);
  }
  OverlayMount mount(const Overlay& overlay) { return MUST(mount_overlay(overlay, GetParam())); }
};

std::string name_of(const ::testing::TestParamInfo<OverlayMethod>& info) {
  constexpr const char* kNames[] = {"automatic", "descriptors", "private_mounts", "fuse"};
  return kNames[static_cast<int>(info.param)];
}

INSTANTIATE_TEST_SUITE_P(Method, OverlayBy,
                         ::testing::Values(OverlayMethod::Automatic, OverlayMethod::Descriptors,
                                           OverlayMethod::PrivateMounts, OverlayMethod::Fuse),
                         name_of);

TEST_P(OverlayBy, shows_128_layers_whatever_the_length_of_their_paths) {
  in_own_mounts([this] {
    Layers layers;
    for (int i = 0; i < 128; ++i) {
      const std::string layer = layers.add();
      write(layer + "shared", std::to_string(i));
      write(layer + "own" + std::to_string(i), "");
    }
    const OverlayMount overlay = mount(layers.read_only());
    EXPECT_EQ(MUST(read_file_at(overlay.mount.fd(), "shared")), "127") << "of the topmost layer";
    for (int i = 0; i < 128; ++i) EXPECT_TRUE(is_there(overlay.mount.fd(), "own" + std::to_string(i))) << i;
    EXPECT_EQ(MUST(names_in(overlay.mount.fd(), ".")).size(), 129U);
    EXPECT_EQ(::mkdirat(overlay.mount.fd(), "new", 0755), -1);
    EXPECT_EQ(errno, EROFS);
    EXPECT_EQ(overlay.why_fuse, "");
  });
}

TEST_P(OverlayBy, writes_into_the_writable_layer_alone) {
  in_own_mounts([this] {
    Layers layers;
    const std::string layer = layers.add();
    write(layer + "kept", "old");
    write(layer + "removed", "old");
    {
      const OverlayMount overlay = mount(layers.writable());
      write("/mnt/unrelated", "");
      MUST(replace_file_at(overlay.mount.fd(), "kept", "new", 0644));
      ASSERT_EQ(::unlinkat(overlay.mount.fd(), "removed", 0), 0);
      EXPECT_FALSE(is_there(overlay.mount.fd(), "removed"));
    }
    EXPECT_EQ(MUST(read_file(layer + "kept")), "old");
    EXPECT_EQ(MUST(read_file("/mnt/writable/fs/kept")), "new");
    struct stat st{};
    ASSERT_EQ(::lstat("/mnt/writable/fs/removed", &st), 0);
    EXPECT_TRUE(S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0)) << "a whiteout";
  });
}

TEST_P(OverlayBy, whiteouts_and_opaque_directories_hide_what_is_below_them_and_nothing_above) {
  in_own_mounts([this] {
    Layers layers;
    const std::string base = layers.add();
    MUST(make_directories(base + "dir/deep", 0755));
    write(base + "dir/file", "base");
    write(base + "gone", "base");
    write(base + "back", "base");
    const std::string middle = layers.add();
    MUST(make_directories(middle + "dir", 0755));
    ASSERT_EQ(::setxattr((middle + "dir").c_str(), "trusted.overlay.opaque", "y", 1, 0), 0);
    write(middle + "dir/other", "middle");
    ASSERT_EQ(::mknod((middle + "gone").c_str(), S_IFCHR, 0), 0);
    ASSERT_EQ(::mknod((middle + "back").c_str(), S_IFCHR, 0), 0);
    const std::string top = layers.add();
    write(top + "back", "top");
    MUST(make_directories(top + "dir", 0755));
    write(top + "dir/newest", "top");
    const OverlayMount overlay = mount(layers.writable());
    const int root = overlay.mount.fd();
    EXPECT_FALSE(is_there(root, "gone"));
    EXPECT_EQ(MUST(read_file_at(root, "back")), "top");
    EXPECT_FALSE(is_there(root, "dir/file"));
    EXPECT_FALSE(is_there(root, "dir/deep"));
    EXPECT_EQ(MUST(read_file_at(root, "dir/other")), "middle");
    EXPECT_EQ(MUST(read_file_at(root, "dir/newest")), "top");
  });
}

TEST_P(OverlayBy, a_single_layer_can_be_shown_read_only) {
  in_own_mounts([this] {
    Layers layers;
    write(layers.add() + "file", "text");
    const OverlayMount overlay = mount(layers.read_only());
    EXPECT_EQ(MUST(read_file_at(overlay.mount.fd(), "file")), "text");
    EXPECT_EQ(::mkdirat(overlay.mount.fd(), "new", 0755), -1);
  });
}

TEST_P(OverlayBy, a_writable_layer_can_stand_on_nothing) {
  in_own_mounts([this] {
    Layers layers;
    const OverlayMount overlay = mount(layers.writable());
    MUST(replace_file_at(overlay.mount.fd(), "file", "text", 0644));
    EXPECT_EQ(MUST(read_file("/mnt/writable/fs/file")), "text");
  });
}

TEST_P(OverlayBy, ids_are_those_of_the_user_namespace_and_on_disk_those_of_the_image) {
  if (GetParam() == OverlayMethod::Fuse) GTEST_SKIP() << "fuse-overlayfs cannot";
  if (!is_tmpfs_complete()) GTEST_SKIP() << "needs Linux 6.6";
  in_own_mounts([this] {
    Layers layers;
    const std::string layer = layers.add();
    write(layer + "file", "text");
    ASSERT_EQ(::chown((layer + "file").c_str(), 5, 6), 0);
    write(layer + "kept", "text");
    UniqueFd user_namespace =
        MUST(make_user_namespace({.uids = {{0, 100000, 65536}}, .gids = {{0, 200000, 65536}}}));
    Overlay wish = layers.writable();
    wish.user_namespace = user_namespace.get();
    OverlayMount overlay = mount(wish);
    struct stat st{};
    ASSERT_EQ(::fstatat(overlay.mount.fd(), "file", &st, 0), 0);
    EXPECT_EQ(st.st_uid, 100005U);
    EXPECT_EQ(st.st_gid, 200006U);
    UniqueFd target = MUST(open_at(AT_FDCWD, "/tmp", O_PATH));
    MUST(overlay.mount.attach_to(target.get()));
    in_child([&] {
      ASSERT_EQ(::setns(user_namespace.get(), CLONE_NEWUSER), 0) << errno;
      ASSERT_EQ(::setgid(0), 0);
      ASSERT_EQ(::setuid(0), 0);
      struct stat inside{};
      ASSERT_EQ(::stat("/tmp/file", &inside), 0);
      EXPECT_EQ(inside.st_uid, 5U);
      EXPECT_EQ(inside.st_gid, 6U);
      MUST(replace_file_at(AT_FDCWD, "/tmp/new", "from inside", 0644));
      ASSERT_EQ(::chown("/tmp/kept", 7, 7), 0) << errno;
      UniqueFd copied_up = MUST(open_at(AT_FDCWD, "/tmp/file", O_WRONLY));
    });
    ASSERT_EQ(::stat("/mnt/writable/fs/new", &st), 0);
    EXPECT_EQ(st.st_uid, 0U);
    ASSERT_EQ(::stat("/mnt/writable/fs/kept", &st), 0);
    EXPECT_EQ(st.st_uid, 7U);
    ASSERT_EQ(::stat("/mnt/writable/fs/file", &st), 0);
    EXPECT_EQ(st.st_uid, 5U);
    EXPECT_EQ(st.st_gid, 6U);
    ASSERT_EQ(::umount2("/tmp", MNT_DETACH), 0);
  });
}

TEST_P(OverlayBy, a_writable_layer_is_known_to_be_in_use_as_long_as_it_is_mounted) {
  in_own_mounts([this] {
    Layers layers;
    layers.add();
    Overlay wish = layers.writable();
    EXPECT_FALSE(MUST(is_overlay_writing_to(wish.writable)));
    {
      const OverlayMount overlay = mount(wish);
      EXPECT_TRUE(MUST(is_overlay_writing_to(wish.writable)));
    }
    // fuse-overlayfs needs a moment to notice.
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (MUST(is_overlay_writing_to(wish.writable)) && std::chrono::steady_clock::now() < end)
      std::this_thread::yield();
    EXPECT_FALSE(MUST(is_overlay_writing_to(wish.writable)));
  });
}

TEST_P(OverlayBy, leaves_the_mounts_and_the_directory_of_the_caller_alone) {
  in_own_mounts([this] {
    Layers layers;
    layers.add();
    const std::string before = MUST(read_file("/proc/self/mountinfo"));
    char directory[4096];
    const std::string directory_before = ::getcwd(directory, sizeof directory);
    {
      const OverlayMount overlay = mount(layers.writable());
    }
    EXPECT_EQ(MUST(read_file("/proc/self/mountinfo")), before);
    EXPECT_EQ(::getcwd(directory, sizeof directory), directory_before);
  });
}

// Natively, or by FUSE where the kernel refuses; the marks are in user.overlay.* then.
TEST_P(OverlayBy, works_inside_of_a_user_namespace) {
  NEEDS_ROOT();
  if (GetParam() == OverlayMethod::Descriptors && !takes_descriptors()) GTEST_SKIP() << "needs Linux 6.15";
  if (!is_tmpfs_complete()) GTEST_SKIP() << "needs Linux 6.6";
  if (GetParam() == OverlayMethod::Fuse && ::access("/usr/bin/fuse-overlayfs", X_OK) != 0)
    GTEST_SKIP() << "needs fuse-overlayfs";
  struct stat device{};
  if (GetParam() == OverlayMethod::Fuse &&
      (::stat("/dev/fuse", &device) != 0 || (device.st_mode & 0006) != 0006))
    GTEST_SKIP() << "needs a /dev/fuse that is open to everybody";
  UniqueFd user_namespace =
      MUST(make_user_namespace({.uids = {{0, 100000, 1000}}, .gids = {{0, 100000, 1000}}}));
  in_child([&] {
    ASSERT_EQ(::setns(user_namespace.get(), CLONE_NEWUSER), 0) << errno;
    ASSERT_EQ(::setgid(0), 0);
    ASSERT_EQ(::setuid(0), 0);
    ASSERT_EQ(::unshare(CLONE_NEWNS), 0) << errno;
    EXPECT_TRUE(is_in_user_namespace());
    Layers layers;
    const std::string base = layers.add();
    MUST(make_directories(base + "dir", 0755));
    write(base + "dir/hidden", "");
    write(base + "gone", "");
    const std::string top = layers.add();
    MUST(make_directories(top + "dir", 0755));
    ASSERT_EQ(::setxattr((top + "dir").c_str(), "user.overlay.opaque", "y", 1, 0), 0) << errno;
    ASSERT_EQ(::mknod((top + "gone").c_str(), S_IFCHR, 0), 0) << errno;
    auto overlay = mount_overlay(layers.writable(), GetParam());
    ASSERT_TRUE(overlay) << overlay.error().message();
    EXPECT_FALSE(is_there(overlay->mount.fd(), "dir/hidden"));
    EXPECT_FALSE(is_there(overlay->mount.fd(), "gone"));
    MUST(replace_file_at(overlay->mount.fd(), "dir/new", "text", 0644));
    EXPECT_EQ(MUST(read_file("/mnt/writable/fs/dir/new")), "text");
    EXPECT_TRUE(MUST(is_overlay_writing_to(layers.writable().writable)));
  });
  EXPECT_FALSE(is_in_user_namespace());
}

TEST(MountOverlay, falls_back_to_fuse_and_says_why) {
  NEEDS_ROOT();
  if (::access("/usr/bin/fuse-overlayfs", X_OK) != 0) GTEST_SKIP() << "needs fuse-overlayfs";
  testing::in_namespaces(CLONE_NEWNS, [] {
    // An overlay is no place for another one's upper directory: the kernel wants file systems below that do
    // not change under it.
    Layers layers;
    layers.add();
    OverlayMount outer = MUST(mount_overlay(layers.writable()));
    ASSERT_EQ(::mkdirat(outer.mount.fd(), "fs", 0755), 0);
    ASSERT_EQ(::mkdirat(outer.mount.fd(), "work", 0755), 0);
    const auto inner = mount_overlay({.writable = outer.mount.fd()});
    ASSERT_TRUE(inner) << inner.error().message();
    EXPECT_EQ(inner->method, OverlayMethod::Fuse);
    EXPECT_NE(inner->why_fuse.find("overlay"), std::string::npos) << inner->why_fuse;
    MUST(replace_file_at(inner->mount.fd(), "file", "text", 0644));
  });
}

TEST(MountOverlay, refuses_no_layers_and_too_many) {
  EXPECT_EQ(mount_overlay({}).error().code(), Code::InvalidArgument);
  EXPECT_EQ(mount_overlay({.lowers = std::vector<int>(129, 0)}).error().code(), Code::InvalidArgument);
}

}  // namespace
}  // namespace gantry::kernel
