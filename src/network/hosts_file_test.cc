// SPDX-License-Identifier: Apache-2.0
#include "network/hosts_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::network {
namespace {

using Names = std::vector<std::string>;

TEST(HostsFile, begins_with_localhost) {
  EXPECT_EQ(hosts_text({.records = {{"172.17.0.2", {"web"}}}, .has_ipv6 = false}),
            "127.0.0.1\tlocalhost\n172.17.0.2\tweb\n");
  EXPECT_NE(hosts_text({}).find("ff02::1\tip6-allnodes\n"), std::string::npos);
}

TEST(HostsFile, a_change_leaves_the_lines_of_others_alone) {
  const HostRecord old{"172.18.0.2", {"web"}};
  const HostRecord changed{"172.18.0.9", {"web"}};
  EXPECT_EQ(change_hosts("127.0.0.1\tlocalhost\n172.18.0.2\tweb\n10.0.0.1\tmine", {{old}}, {{changed}}),
            "127.0.0.1\tlocalhost\n10.0.0.1\tmine\n172.18.0.9\tweb\n");
}

TEST(HostsFile, a_change_takes_whole_lines_only) {
  const HostRecord record{"2.0.0.2", {"web"}};
  EXPECT_EQ(change_hosts("172.0.0.2\tweb\n12.0.0.2\tweb\n", {{record}}, {}),
            "172.0.0.2\tweb\n12.0.0.2\tweb\n");
  EXPECT_EQ(change_hosts("12.0.0.2\tweb\n2.0.0.2\tweb\n", {{record}}, {}), "12.0.0.2\tweb\n");
}

TEST(HostsFile, a_domain_stands_before_the_short_name) {
  EXPECT_EQ(own_record("10.0.0.2", "web", "example.org").names, (Names{"web.example.org", "web"}));
  EXPECT_EQ(own_record("10.0.0.2", "web", "").names, (Names{"web"}));
}

TEST(HostsFile, a_link_has_each_name_once) {
  EXPECT_EQ(link_record("10.0.0.2", "db", "3f2a", "postgres").names, (Names{"db", "3f2a", "postgres"}));
  EXPECT_EQ(link_record("10.0.0.2", "db", "3f2a", "db").names, (Names{"db", "3f2a"}));
}

TEST(ExtraHost, takes_colon_equals_and_brackets) {
  EXPECT_EQ(MUST(parse_extra_host("a:10.0.0.1", "")), (HostRecord{"10.0.0.1", {"a"}}));
  EXPECT_EQ(MUST(parse_extra_host("a:::1", "")), (HostRecord{"::1", {"a"}}));
  EXPECT_EQ(MUST(parse_extra_host("a=[2001:db8::1]", "")), (HostRecord{"2001:db8::1", {"a"}}));
  EXPECT_EQ(MUST(parse_extra_host("a:host-gateway", "172.17.0.1")), (HostRecord{"172.17.0.1", {"a"}}));
}

TEST(ExtraHost, refuses_what_would_break_the_file) {
  for (const char* text : {"a", ":10.0.0.1", "a:10.0.0.300", "a:host-gateway", "a b:10.0.0.1", "a:", "#:::1"})
    EXPECT_FALSE(parse_extra_host(text, "")) << text;
}

TEST(MountedFile, keeps_its_inode) {
  testing::TempDir dir;
  const std::string path = dir / "hosts";
  struct stat before{}, after{};
  MUST(rewrite_mounted_file(path, "a longer text\n"));
  ASSERT_EQ(::stat(path.c_str(), &before), 0);
  MUST(rewrite_mounted_file(path, "short\n"));
  ASSERT_EQ(::stat(path.c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
  EXPECT_EQ(MUST(read_file(path)), "short\n");
}

}  // namespace
}  // namespace gantry::network
