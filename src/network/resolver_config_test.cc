// SPDX-License-Identifier: Apache-2.0
#include "network/resolver_config.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::network {
namespace {

using Words = std::vector<std::string>;

TEST(ResolverConfig, reads_servers_search_and_options) {
  const ResolverConfig config = parse_resolver_config(
      "# made by hand\n"
      "nameserver 192.0.2.1\n"
      "  nameserver\tfe80::1%eth0  trailing words\r\n"
      "search example.org corp.example.org\n"
      "options ndots:2 timeout:1\n"
      "options rotate");
  EXPECT_EQ(config.nameservers, (Words{"192.0.2.1", "fe80::1%eth0"}));
  EXPECT_EQ(config.search, (Words{"example.org", "corp.example.org"}));
  EXPECT_EQ(config.options, (Words{"ndots:2", "timeout:1", "rotate"}));
}

TEST(ResolverConfig, the_last_of_search_and_domain_counts) {
  EXPECT_EQ(parse_resolver_config("search a b\ndomain c\n").search, Words{"c"});
}

TEST(ResolverConfig, leaves_out_what_is_no_address) {
  EXPECT_EQ(parse_resolver_config("nameserver\nnameserver dns.example\nnameserver 1.2.3\n").nameservers,
            Words{});
}

TEST(ResolverConfig, a_file_that_is_not_there_says_nothing) {
  testing::TempDir dir;
  EXPECT_EQ(MUST(read_host_resolver_config(dir / "resolv.conf")), ResolverConfig{});
  MUST(replace_file_at(dir.fd(), "resolv.conf", "nameserver 192.0.2.7\n", 0644));
  EXPECT_EQ(MUST(read_host_resolver_config(dir / "resolv.conf")).nameservers, Words{"192.0.2.7"});
}

}  // namespace
}  // namespace gantry::network
