// SPDX-License-Identifier: Apache-2.0
#include "runtime/devices.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "testing/child.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::runtime {
namespace {

std::vector<std::string> paths_of(const std::vector<oci::Device>& devices) {
  std::vector<std::string> paths;
  for (const oci::Device& device : devices) paths.push_back(device.path);
  return paths;
}

TEST(DevicesOfContainer, are_the_default_ones_of_the_specification) {
  EXPECT_EQ(paths_of(devices_of_container({})),
            (std::vector<std::string>{"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom",
                                      "/dev/tty"}));
}

TEST(DevicesOfContainer, a_configured_one_takes_the_place_of_the_default) {
  const auto devices =
      devices_of_container({{.type = "c", .path = "/dev/../dev//null", .major = 7, .minor = 8},
                            {.type = "b", .path = "/dev/disk", .major = 8}});
  EXPECT_EQ(devices.size(), 7U);
  EXPECT_EQ(std::ranges::count(devices, "/dev/null", &oci::Device::path), 0);
  EXPECT_EQ(devices[5].major, 7);
}

class MakeDevice : public ::testing::Test {
 protected:
  void SetUp() override { NEEDS_ROOT(); }
  MakeDevice() {
    MUST(make_directories(dir_ / "root/dev", 0755));
    MUST(make_directories(dir_ / "outside", 0755));
  }
  Result<void> make(const oci::Device& device, bool can_make = true) {
    return make_device(MUST(kernel::RootDir::open(dir_ / "root")), device, can_make);
  }
  struct stat status_of(const std::string& name) {
    struct stat st{};
    EXPECT_EQ(::lstat((dir_ / name).c_str(), &st), 0) << name;
    return st;
  }
  testing::TempDir dir_;
};

TEST_F(MakeDevice, makes_nodes_of_every_type_with_mode_and_owner) {
  const mode_t old = ::umask(077);
  MUST(make({.type = "c", .path = "/dev/c", .major = 1, .minor = 3}));
  MUST(make({.type = "u", .path = "/dev/u", .major = 1, .minor = 5, .file_mode = 0600}));
  MUST(make({.type = "b",
             .path = "/dev/deep/b",
             .major = 259,
             .minor = 70'000,
             .file_mode = 0640,
             .uid = 5,
             .gid = 6}));
  MUST(make({.type = "p", .path = "/dev/p", .file_mode = 0622}));
  ::umask(old);
  EXPECT_EQ(status_of("root/dev/c").st_mode, S_IFCHR | 0666U);
  EXPECT_EQ(status_of("root/dev/c").st_rdev, makedev(1, 3));
  EXPECT_EQ(status_of("root/dev/u").st_mode, S_IFCHR | 0600U);
  EXPECT_EQ(status_of("root/dev/deep/b").st_mode, S_IFBLK | 0640U);
  EXPECT_EQ(status_of("root/dev/deep/b").st_rdev, makedev(259, 70'000));
  EXPECT_EQ(status_of("root/dev/deep/b").st_uid, 5U);
  EXPECT_EQ(status_of("root/dev/deep/b").st_gid, 6U);
  EXPECT_EQ(status_of("root/dev/p").st_mode, S_IFIFO | 0622U);
}

TEST_F(MakeDevice, what_the_image_has_there_is_replaced_and_links_are_not_followed) {
  MUST(replace_file_at(dir_.fd(), "outside/victim", "precious", 0644));
  ASSERT_EQ(::symlink("../../outside/victim", (dir_ / "root/dev/null").c_str()), 0);
  MUST(replace_file_at(dir_.fd(), "root/dev/zero", "fake", 0644));
  ASSERT_EQ(::symlink((dir_ / "outside").c_str(), (dir_ / "root/dev/sub").c_str()), 0);
  MUST(make({.type = "c", .path = "/dev/null", .major = 1, .minor = 3}));
  MUST(make({.type = "c", .path = "/dev/zero", .major = 1, .minor = 5}));
  (void)make({.type = "c", .path = "/dev/sub/full", .major = 1, .minor = 7});
  EXPECT_TRUE(S_ISCHR(status_of("root/dev/null").st_mode));
  EXPECT_EQ(status_of("root/dev/zero").st_rdev, makedev(1, 5));
  EXPECT_EQ(MUST(names_in(dir_.fd(), "outside")), std::vector<std::string>{"victim"});
  EXPECT_EQ(MUST(read_file(dir_ / "outside/victim")), "precious");
}

TEST_F(MakeDevice, a_directory_in_the_way_is_an_error_that_names_the_device) {
  MUST(make_directories(dir_ / "root/dev/null", 0755));
  const auto made = make({.type = "c", .path = "/dev/null", .major = 1, .minor = 3});
  ASSERT_FALSE(made);
  EXPECT_TRUE(made.error().message().starts_with("device '/dev/null': ")) << made.error().message();
  EXPECT_FALSE(make({.type = "c", .path = "/", .major = 1, .minor = 3}));
}

TEST_F(MakeDevice, where_none_can_be_made_the_hosts_is_bound) {
  testing::in_namespaces(CLONE_NEWNS, [&] {
    MUST(make({.type = "c", .path = "/dev/null", .major = 1, .minor = 3}, false));
    EXPECT_EQ(status_of("root/dev/null").st_rdev, makedev(1, 3));
    const auto other = make({.type = "c", .path = "/dev/zero", .major = 1, .minor = 9}, false);
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().message(), "device '/dev/zero': the host's '/dev/zero' is not the device c 1:9");
    EXPECT_FALSE(make({.type = "b", .path = "/dev/full", .major = 1, .minor = 7}, false));
    EXPECT_FALSE(make({.type = "c", .path = "/dev/no-such-device", .major = 1, .minor = 7}, false));
  });
}

}  // namespace
}  // namespace gantry::runtime
