// SPDX-License-Identifier: Apache-2.0
#include "cli/docker/port_option.h"

#include <gtest/gtest.h>

namespace gantry::cli::docker {
namespace {

// "80/tcp=0.0.0.0:8080 ..." or the error.
std::string published(std::string_view text) {
  container::PortMap bindings;
  oci::StringSet exposed;
  const auto added = add_published(text, bindings, exposed);
  if (!added) return added.error().message();
  std::string all;
  for (const auto& [port, list] : bindings)
    for (const container::PortBinding& binding : list) {
      EXPECT_TRUE(exposed.contains(port));
      all += (all.empty() ? "" : " ") + port + "=" + binding.host_ip + ":" + binding.host_port;
    }
  return all;
}

TEST(Publish, takes_port_host_and_address) {
  EXPECT_EQ(published("80"), "80/tcp=:");
  EXPECT_EQ(published("8080:80"), "80/tcp=:8080");
  EXPECT_EQ(published("127.0.0.1:8080:80/udp"), "80/udp=127.0.0.1:8080");
  EXPECT_EQ(published("127.0.0.1::80"), "80/tcp=127.0.0.1:");
  EXPECT_EQ(published("[::1]:8080:80"), "80/tcp=::1:8080");
  EXPECT_EQ(published("target=80,published=8080,protocol=udp"), "80/udp=:8080");
}

TEST(Publish, takes_ranges) {
  EXPECT_EQ(published("8000-8001:80-81"), "80/tcp=:8000 81/tcp=:8001");
  EXPECT_EQ(published("80-81"), "80/tcp=: 81/tcp=:");
  EXPECT_EQ(published("8000-8010:80"), "80/tcp=:8000-8010");
}

TEST(Publish, names_the_option_in_what_is_wrong) {
  for (const char* text :
       {"", "x", "65536", "80/xyz", "8000-8002:80-81", "1:2:3:4", "300.0.0.1:80:80", "81-80"})
    EXPECT_NE(published(text).find("--publish"), std::string::npos) << text;
}

}  // namespace
}  // namespace gantry::cli::docker
