// SPDX-License-Identifier: Apache-2.0
#include "daemon/config.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::daemon {
namespace {

std::string refusal(std::string_view json) {
  const auto config = Config::parse(json);
  return config ? "accepted" : config.error().message();
}

TEST(DaemonConfig, has_the_roots_default_and_the_registrys_own_configuration) {
  const Config config =
      MUST(Config::parse(R"({"roles":{"registry":{"listen":["127.0.0.1:7000"],"readOnly":true}}})"));
  EXPECT_EQ(config.root, "/var/lib/gantry");
  ASSERT_TRUE(config.registry);
  EXPECT_EQ(config.registry->listen, std::vector<std::string>{"127.0.0.1:7000"});
  EXPECT_TRUE(config.registry->read_only);
  EXPECT_EQ(MUST(Config::parse(R"({"root":"/srv/images","roles":{"registry":{}}})")).root, "/srv/images");
}

TEST(DaemonConfig, has_the_engines_defaults) {
  const Config config = MUST(Config::parse(R"({"roles":{"engine":{"containers":{"init":true}}}})"));
  ASSERT_TRUE(config.engine);
  EXPECT_EQ(config.engine->run, "/run/gantry");
  EXPECT_TRUE(config.engine->containers.init);
  EXPECT_EQ(config.engine->network.bridge, "gantry0");
  EXPECT_EQ(refusal(R"({"roles":{"engine":{"run":"x"}}})"), "roles.engine: run: expected an absolute path");
  EXPECT_TRUE(refusal(R"({"roles":{"engine":{"grup":"x"}}})").starts_with("roles.engine: "));
}

TEST(DaemonConfig, says_what_it_does_not_understand) {
  EXPECT_EQ(refusal("[]"), "expected an object, not an array");
  EXPECT_EQ(refusal("{}"), "roles: there is none, so nothing to do");
  EXPECT_EQ(refusal(R"({"rot":"/x"})"), "unknown key 'rot'");
  EXPECT_EQ(refusal(R"({"root":"x"})"), "root: expected an absolute path");
  EXPECT_EQ(refusal(R"({"roles":[]})"), "roles: expected an object, not an array");
  EXPECT_EQ(refusal(R"({"roles":{"registri":{}}})"),
            "roles.registri: there is no such role; there are 'controlPlane', 'engine' and 'registry'");
  EXPECT_TRUE(refusal(R"({"roles":{"registry":{"listne":[]}}})").starts_with("roles.registry: "));
}

TEST(DaemonConfig, says_which_roles_are_still_to_come) {
  const auto config = Config::parse(R"({"roles":{"registry":{},"farm":{}}})");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code(), Code::Unsupported);
  EXPECT_EQ(config.error().message(),
            "roles.farm: this role is not there yet; there are 'controlPlane', 'engine' and 'registry'");
}

}  // namespace
}  // namespace gantry::daemon
