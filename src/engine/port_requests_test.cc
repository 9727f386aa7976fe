// SPDX-License-Identifier: Apache-2.0
#include "engine/port_requests.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::engine {
namespace {

using network::Protocol;

TEST(PortRequests, come_from_bindings) {
  const auto requests = MUST(port_requests(
      {{"80/tcp", {{.host_ip = "127.0.0.1", .host_port = "8080"}}}, {"53/udp", {{.host_port = "5300-5310"}}}},
      {}, false));
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[0].protocol, Protocol::Udp);
  EXPECT_EQ(requests[0].first_host_port, 5300);
  EXPECT_EQ(requests[0].last_host_port, 5310);
  EXPECT_EQ(requests[1].container_port, 80);
  EXPECT_EQ(requests[1].host_ip, "127.0.0.1");
  EXPECT_EQ(requests[1].last_host_port, 8080);
}

TEST(PortRequests, publish_all_takes_the_exposed_ones_that_are_not_bound) {
  const auto requests =
      MUST(port_requests({{"80/tcp", {{.host_port = "8080"}}}}, {{"80/tcp", {}}, {"443/tcp", {}}}, true));
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[1].container_port, 443);
  EXPECT_EQ(requests[1].first_host_port, 0);
}

TEST(PortRequests, say_what_is_no_port) {
  for (const char* wrong : {"x/tcp", "0/tcp", "80/xyz", "70000/tcp", ""})
    EXPECT_EQ(parse_container_port(wrong).error().code(), Code::InvalidArgument) << wrong;
  for (const char* wrong : {"x", "90-80", "1-2-3", "-"})
    EXPECT_EQ(port_requests({{"80/tcp", {{.host_port = wrong}}}}, {}, false).error().message(),
              fmt::format("invalid port specification: \"{}\"", wrong));
}

TEST(PortRequests, inspect_shows_published_and_exposed_ports) {
  const network::PublishedPort published[] = {{Protocol::Tcp, 80, "0.0.0.0", 8080}};
  const container::PortMap map = port_map(published, {{"443/tcp", {}}});
  EXPECT_TRUE(map.at("443/tcp").empty());
  EXPECT_EQ(map.at("80/tcp")[0].host_port, "8080");
}

}  // namespace
}  // namespace gantry::engine
