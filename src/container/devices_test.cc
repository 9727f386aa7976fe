// SPDX-License-Identifier: Apache-2.0
#include "container/devices.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "testing/child.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::container {
namespace {

using List = std::vector<std::string>;

HostConfig with(DeviceMapping mapping) {
  HostConfig host;
  host.devices = {std::move(mapping)};
  return host;
}

TEST(DeviceRules, have_type_numbers_and_access) {
  const oci::DeviceRule rule = MUST(parse_device_rule("c 13:* rwm"));
  EXPECT_TRUE(rule.allow);
  EXPECT_EQ(rule.type, "c");
  EXPECT_EQ(rule.major, 13);
  EXPECT_FALSE(rule.minor);
  EXPECT_EQ(rule.access, "rwm");
  EXPECT_TRUE(parse_device_rule("a *:* r"));
  for (const char* text : {"", "c", "x 1:2 r", "c 1:2", "c 1:2 x", "c -1:2 r", "c 1:2 rwmr", "c 1:2 ",
                           "c 1 r", "c 1:2 r ", "c99999999999:1 r"})
    EXPECT_FALSE(parse_device_rule(text)) << text;
}

TEST(Devices, are_forbidden_but_for_the_usual_ones_by_default) {
  const GrantedDevices granted = MUST(grant_devices({}));
  EXPECT_TRUE(granted.nodes.empty());
  ASSERT_EQ(granted.rules.size(), 1U);
  EXPECT_FALSE(granted.rules[0].allow);
}

TEST(Devices, that_are_mapped_get_a_node_and_a_rule) {
  const GrantedDevices granted = MUST(grant_devices(
      with({.path_on_host = "/dev/null", .path_in_container = "/dev/x", .cgroup_permissions = "r"})));
  ASSERT_EQ(granted.nodes.size(), 1U);
  EXPECT_EQ(granted.nodes[0].path, "/dev/x");
  EXPECT_EQ(granted.nodes[0].type, "c");
  EXPECT_EQ(granted.nodes[0].major, 1);
  EXPECT_EQ(granted.nodes[0].minor, 3);
  EXPECT_EQ(granted.rules.back().access, "r");
  EXPECT_TRUE(granted.rules.back().allow);
}

TEST(Devices, keep_their_name_and_all_access_unless_told_otherwise) {
  const GrantedDevices granted = MUST(grant_devices(with({.path_on_host = "/dev/zero"})));
  EXPECT_EQ(granted.nodes.at(0).path, "/dev/zero");
  EXPECT_EQ(granted.rules.back().access, "rwm");
}

TEST(Devices, behind_a_link_are_those_that_it_leads_to) {
  testing::TempDir dir;
  ASSERT_EQ(::symlink("/dev/null", (dir / "link").c_str()), 0);
  EXPECT_EQ(MUST(grant_devices(with({.path_on_host = dir / "link", .path_in_container = "/dev/x"})))
                .nodes.at(0)
                .minor,
            3);
}

TEST(Devices, that_are_none_are_refused_by_path) {
  testing::TempDir dir;
  MUST(replace_file_at(dir.fd(), "file", "", 0644));
  for (const std::string& path : {dir / "missing", dir / "file", dir.path(), std::string("dev/null")}) {
    const auto refused = grant_devices(with({.path_on_host = path}));
    ASSERT_FALSE(refused) << path;
    EXPECT_NE(refused.error().message().find("error gathering device information while adding custom device"),
              std::string::npos);
  }
  EXPECT_EQ(grant_devices(with({.path_on_host = dir / "missing"})).error().code(), Code::InvalidArgument);
  EXPECT_FALSE(grant_devices(with({.path_on_host = "/dev/null", .cgroup_permissions = "rx"})));
}

// A host of its own; nodes need privileges.
class HostDevices : public ::testing::Test {
 protected:
  void SetUp() override {
    NEEDS_ROOT();
    for (const char* name : {"dev/snd/deep", "dev/pts", "dev/shm"}) MUST(make_directories(dir_ / name, 0755));
    make("dev/kmsg", S_IFCHR, 1, 11);
    make("dev/sda", S_IFBLK, 8, 0);
    make("dev/console", S_IFCHR, 5, 1);
    make("dev/pts/0", S_IFCHR, 136, 0);
    make("dev/snd/deep/pcm", S_IFCHR, 116, 2);
    ASSERT_EQ(::symlink("sda", (dir_ / "dev/disk").c_str()), 0);
  }
  void make(const char* name, mode_t type, unsigned major_number, unsigned minor_number) {
    ASSERT_EQ(::mknod((dir_ / name).c_str(), type | 0600, makedev(major_number, minor_number)), 0) << name;
  }
  static List paths(const GrantedDevices& granted) {
    List paths;
    for (const oci::Device& device : granted.nodes) paths.push_back(device.path);
    return paths;
  }
  testing::TempDir dir_;
};

TEST_F(HostDevices, are_all_a_privileged_containers_but_not_terminals_of_others) {
  HostConfig host;
  host.privileged = true;
  const GrantedDevices granted = MUST(grant_devices(host, dir_.path()));
  EXPECT_EQ(paths(granted), (List{"/dev/kmsg", "/dev/sda", "/dev/snd/deep/pcm"}));
  ASSERT_EQ(granted.rules.size(), 1U);
  EXPECT_TRUE(granted.rules[0].allow);
}

TEST_F(HostDevices, of_a_directory_come_with_their_places_in_it) {
  const GrantedDevices granted =
      MUST(grant_devices(with({.path_on_host = "/dev/snd", .path_in_container = "/dev/sound"}), dir_.path()));
  EXPECT_EQ(paths(granted), List{"/dev/sound/deep/pcm"});
}

}  // namespace
}  // namespace gantry::container
