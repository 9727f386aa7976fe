// SPDX-License-Identifier: Apache-2.0
#include "network/links_env.h"

#include <gtest/gtest.h>

namespace gantry::network {
namespace {

using Lines = std::vector<std::string>;

TEST(LinkEnvironment, names_the_first_port_each_port_the_link_and_the_environment) {
  const Lines expected = {
      "MY_DB_PORT=tcp://172.17.0.2:5432",
      "MY_DB_PORT_5432_TCP=tcp://172.17.0.2:5432",
      "MY_DB_PORT_5432_TCP_ADDR=172.17.0.2",
      "MY_DB_PORT_5432_TCP_PORT=5432",
      "MY_DB_PORT_5432_TCP_PROTO=tcp",
      "MY_DB_NAME=/web/my-db",
      "MY_DB_ENV_PGDATA=/data=1",
  };
  EXPECT_EQ(link_environment({.parent = "web",
                              .alias = "my-db",
                              .address = "172.17.0.2",
                              .ports = {{5432, "tcp"}},
                              .environment = {"PGDATA=/data=1", "HOME=/root", "PATH=/bin", "no value"}}),
            expected);
}

TEST(LinkEnvironment, without_ports_has_only_the_name) {
  EXPECT_EQ(link_environment({.parent = "web", .alias = "db", .address = "172.17.0.2"}),
            (Lines{"DB_NAME=/web/db"}));
}

TEST(LinkEnvironment, three_ports_in_a_row_are_a_run) {
  const Lines lines = link_environment({.parent = "web",
                                        .alias = "db",
                                        .address = "10.0.0.2",
                                        .ports = {{9002, "tcp"}, {9000, "tcp"}, {9001, "tcp"}, {80, "udp"}}});
  ASSERT_GE(lines.size(), 7U);
  EXPECT_EQ(Lines(lines.begin(), lines.begin() + 8), (Lines{
                                                         "DB_PORT=udp://10.0.0.2:80",
                                                         "DB_PORT_9000_TCP_START=tcp://10.0.0.2:9000",
                                                         "DB_PORT_9000_TCP_ADDR=10.0.0.2",
                                                         "DB_PORT_9000_TCP_PROTO=tcp",
                                                         "DB_PORT_9000_TCP_PORT_START=9000",
                                                         "DB_PORT_9000_TCP_END=tcp://10.0.0.2:9002",
                                                         "DB_PORT_9000_TCP_PORT_END=9002",
                                                         "DB_PORT_80_UDP=udp://10.0.0.2:80",
                                                     }));
}

TEST(LinkEnvironment, two_ports_in_a_row_are_no_run) {
  for (const std::string& line : link_environment(
           {.parent = "web", .alias = "db", .address = "10.0.0.2", .ports = {{80, "tcp"}, {81, "tcp"}}}))
    EXPECT_EQ(line.find("_START"), std::string::npos) << line;
}

TEST(LinkEnvironment, tcp_comes_before_udp_of_the_same_number) {
  EXPECT_EQ(
      link_environment(
          {.parent = "web", .alias = "dns", .address = "10.0.0.2", .ports = {{53, "udp"}, {53, "tcp"}}})[0],
      "DNS_PORT=tcp://10.0.0.2:53");
}

}  // namespace
}  // namespace gantry::network
