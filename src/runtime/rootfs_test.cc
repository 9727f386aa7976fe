// SPDX-License-Identifier: Apache-2.0
//
// A root is assembled and entered in a child; what the child then sees is what a container would.
#include "runtime/rootfs.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/file.h"
#include "testing/child.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::runtime {
namespace {

class RootfsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    NEEDS_ROOT();
    MUST(make_directories(dir_ / "rootfs/etc", 0755));
    MUST(make_directories(dir_ / "outside", 0755));
    MUST(replace_file_at(dir_.fd(), "outside/file", "host", 0644));
    MUST(replace_file_at(dir_.fd(), "rootfs/etc/file", "image", 0644));
  }
  void link(const std::string& target, const std::string& name) {
    ASSERT_EQ(::symlink(target.c_str(), (dir_ / ("rootfs/" + name)).c_str()), 0);
  }
  // Runs `inside` where the container's program would run, or hands it the error.
  template <class Inside>
  void enter(Inside inside, bool no_pivot = false) {
    testing::in_namespaces(CLONE_NEWNS, [&] {
      const Log log;
      const std::vector<CgroupView> cgroups;
      auto sources = open_bind_sources(spec_, dir_.path(), -1);
      if (!sources) return inside(Result<void>(std::move(sources).error()));
      const RootfsPlan plan{.spec = spec_,
                            .root_path = dir_ / "rootfs",
                            .bundle = dir_.path(),
                            .cgroups = cgroups,
                            .sources = *sources,
                            .no_pivot = no_pivot,
                            .log = log};
      auto rootfs = Rootfs::assemble(plan);
      if (!rootfs) return inside(Result<void>(std::move(rootfs).error()));
      inside(rootfs->enter());
    });
  }
  void expect_nothing_new_outside() {
    EXPECT_EQ(MUST(names_in(dir_.fd(), "outside")), std::vector<std::string>{"file"});
  }

  testing::TempDir dir_;
  oci::Spec spec_;
};

bool exists(const char* path) { return ::access(path, F_OK) == 0; }

TEST_F(RootfsTest, shows_the_image_and_its_devices_and_nothing_of_the_host) {
  for (const bool no_pivot : {false, true})
    enter(
        [&](const Result<void>& entered) {
          ASSERT_TRUE(entered) << entered.error().message();
          EXPECT_EQ(MUST(read_file("/etc/file")), "image");
          struct stat st{};
          ASSERT_EQ(::stat("/dev/null", &st), 0);
          EXPECT_EQ(st.st_rdev, makedev(1, 3));
          char target[32] = {};
          ASSERT_GT(::readlink("/dev/fd", target, sizeof target - 1), 0);
          EXPECT_STREQ(target, "/proc/self/fd");
          EXPECT_FALSE(exists(dir_.path().c_str()));
          EXPECT_FALSE(exists("/../../proc/self"));
        },
        no_pivot);
}

TEST_F(RootfsTest, binds_directories_and_files_as_they_are_told) {
  spec_.mounts = {{.destination = "/mnt/dir", .source = "outside", .options = {"bind", "ro"}},
                  {.destination = "/mnt/file", .type = "bind", .source = dir_ / "outside/file"}};
  enter([](const Result<void>& entered) {
    ASSERT_TRUE(entered) << entered.error().message();
    EXPECT_EQ(MUST(read_file("/mnt/dir/file")), "host");
    EXPECT_EQ(MUST(read_file("/mnt/file")), "host");
    EXPECT_EQ(::open("/mnt/dir/file", O_WRONLY | O_CLOEXEC), -1);
    EXPECT_EQ(errno, EROFS);
    MUST(write_existing_at(AT_FDCWD, "/mnt/file", "new"));
  });
}

TEST_F(RootfsTest, links_in_the_image_do_not_lead_mounts_out) {
  link("../outside", "relative");
  link(dir_ / "outside", "absolute");
  spec_.mounts = {{.destination = "/relative/a", .type = "tmpfs"},
                  {.destination = "/absolute", .type = "tmpfs"},
                  {.destination = "/../../outside/b", .type = "tmpfs"}};
  enter([](const Result<void>& entered) { EXPECT_TRUE(entered) << entered.error().message(); });
  expect_nothing_new_outside();
}

TEST_F(RootfsTest, a_tmpfs_looks_like_what_it_covers_and_may_be_filled_from_it) {
  ASSERT_EQ(::fchmodat(dir_.fd(), "rootfs/etc", 01711, 0), 0);
  spec_.mounts = {{.destination = "/etc", .type = "tmpfs", .options = {"tmpcopyup", "ro"}}};
  enter([](const Result<void>& entered) {
    ASSERT_TRUE(entered) << entered.error().message();
    struct stat st{};
    ASSERT_EQ(::stat("/etc", &st), 0);
    EXPECT_EQ(st.st_mode & 07777, 01711U);
    EXPECT_EQ(MUST(read_file("/etc/file")), "image");
    EXPECT_EQ(::mkdir("/etc/new", 0700), -1);
    EXPECT_EQ(errno, EROFS);
  });
}

TEST_F(RootfsTest, masks_hide_and_read_only_paths_stay_readable) {
  MUST(make_directories(dir_ / "rootfs/hidden", 0755));
  MUST(replace_file_at(dir_.fd(), "rootfs/hidden/secret", "s", 0644));
  MUST(replace_file_at(dir_.fd(), "rootfs/key", "k", 0644));
  spec_.linux_.masked_paths = {"/hidden", "/key", "/missing", "/etc/file/below"};
  spec_.linux_.readonly_paths = {"/etc", "/missing"};
  enter([](const Result<void>& entered) {
    ASSERT_TRUE(entered) << entered.error().message();
    EXPECT_FALSE(exists("/hidden/secret"));
    EXPECT_EQ(::mkdir("/hidden/new", 0700), -1);
    EXPECT_EQ(MUST(read_file("/key")), "");
    EXPECT_EQ(MUST(read_file("/etc/file")), "image");
    EXPECT_EQ(::open("/etc/file", O_WRONLY | O_CLOEXEC), -1);
    EXPECT_EQ(::mkdir("/writable", 0700), 0);
  });
}

TEST_F(RootfsTest, may_be_read_only) {
  spec_.root.readonly = true;
  enter([](const Result<void>& entered) {
    ASSERT_TRUE(entered) << entered.error().message();
    EXPECT_EQ(::mkdir("/new", 0700), -1);
    EXPECT_EQ(errno, EROFS);
  });
}

TEST_F(RootfsTest, an_error_names_the_mount) {
  spec_.mounts = {{.destination = "/a", .type = "tmpfs"},
                  {.destination = "/b", .type = "tmpfs", .source = "tmpfs", .options = {"sise=1"}}};
  enter([](const Result<void>& entered) {
    ASSERT_FALSE(entered);
    EXPECT_TRUE(entered.error().message().starts_with("mounts[1] '/b': mount tmpfs with 'sise=1': "))
        << entered.error().message();
  });
  spec_.mounts = {{.destination = "/a", .type = "bind", .source = "missing"}};
  enter([](const Result<void>& entered) {
    ASSERT_FALSE(entered);
    EXPECT_TRUE(entered.error().message().starts_with("mounts[0] '/a': ")) << entered.error().message();
  });
}

TEST_F(RootfsTest, a_proc_that_is_a_link_is_refused) {
  link("/etc", "proc");
  spec_.mounts = {{.destination = "/proc", .type = "proc"}};
  enter([](const Result<void>& entered) {
    ASSERT_FALSE(entered);
    EXPECT_EQ(entered.error().errno_value(), ELOOP) << entered.error().message();
  });
}

TEST_F(RootfsTest, nothing_is_mounted_below_proc) {
  spec_.mounts = {{.destination = "/proc", .type = "proc"}, {.destination = "/proc/sys", .type = "tmpfs"}};
  enter([](const Result<void>& entered) {
    ASSERT_FALSE(entered);
    EXPECT_EQ(entered.error().code(), Code::PermissionDenied) << entered.error().message();
  });
}

TEST(MapsIds, by_option_or_by_mappings) {
  EXPECT_FALSE(maps_ids({.destination = "/x", .options = {"bind"}}));
  EXPECT_TRUE(maps_ids({.destination = "/x", .options = {"bind", "idmap"}}));
  EXPECT_TRUE(maps_ids({.destination = "/x", .uid_mappings = {{.size = 1}}}));
}

}  // namespace
}  // namespace gantry::runtime
