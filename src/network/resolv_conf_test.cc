// SPDX-License-Identifier: Apache-2.0
#include "network/resolv_conf.h"

#include <gtest/gtest.h>

namespace gantry::network {
namespace {

const ResolverConfig kHost{.nameservers = {"127.0.0.53", "192.0.2.1"},
                           .search = {"example.org"},
                           .options = {"ndots:2", "trust-ad"}};

TEST(ResolvConf, asks_the_name_service_and_keeps_the_search_list) {
  EXPECT_EQ(resolv_conf_text(NameSource::NameService, kHost, {}),
            "search example.org\nnameserver 127.0.0.11\noptions trust-ad ndots:0\n");
}

TEST(ResolvConf, leaves_out_servers_only_the_host_reaches) {
  EXPECT_EQ(resolv_conf_text(NameSource::Upstream, kHost, {}),
            "search example.org\nnameserver 192.0.2.1\noptions ndots:2 trust-ad\n");
  EXPECT_EQ(resolv_conf_text(NameSource::Host, kHost, {}),
            "search example.org\nnameserver 127.0.0.53\nnameserver 192.0.2.1\noptions ndots:2 trust-ad\n");
}

TEST(ResolvConf, settings_take_the_place_of_the_hosts) {
  const DnsSettings settings{.servers = {"127.0.0.1"}, .search = {"a", "b"}, .options = {"ndots:3"}};
  EXPECT_EQ(resolv_conf_text(NameSource::Upstream, kHost, settings),
            "search a b\nnameserver 127.0.0.1\noptions ndots:3\n");
  EXPECT_EQ(resolv_conf_text(NameSource::NameService, kHost, settings),
            "search a b\nnameserver 127.0.0.11\noptions ndots:3\n");
}

TEST(ResolvConf, a_dot_alone_means_no_search_list) {
  EXPECT_EQ(resolv_conf_text(NameSource::Upstream, {.nameservers = {"192.0.2.1"}, .search = {"a"}},
                             {.search = {"."}}),
            "nameserver 192.0.2.1\n");
}

}  // namespace
}  // namespace gantry::network
