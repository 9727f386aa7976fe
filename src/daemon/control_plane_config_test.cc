// SPDX-License-Identifier: Apache-2.0
#include "daemon/control_plane_config.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::daemon {
namespace {

using Words = std::vector<std::string>;

TEST(ControlPlaneConfig, ModesAreThoseOfTheConfiguration) {
  EXPECT_EQ(MUST(MUST(ControlPlaneConfig::parse("{}")).options()).access.modes, (Words{"Node", "RBAC"}));
  const auto config =
      MUST(ControlPlaneConfig::parse(R"({"authorizationModes":["Node","RBAC","AlwaysAllow"]})"));
  EXPECT_EQ(MUST(config.options()).access.modes, (Words{"Node", "RBAC", "AlwaysAllow"}));
}

TEST(ControlPlaneConfig, FlagsStandInTheirPlace) {
  ControlPlaneConfig config;
  const Words arguments = {"--authorization-mode=RBAC,AlwaysDeny", "--authorization-mode", "Node"};
  MUST(parse_options(config.flags(), arguments, Operands::Anywhere));
  EXPECT_EQ(MUST(config.options()).access.modes, (Words{"RBAC", "AlwaysDeny", "Node"}));
}

TEST(ControlPlaneConfig, ProfilesAreNotServed) {
  ControlPlaneConfig config;
  const Words off = {"--profiling=false"};
  MUST(parse_options(config.flags(), off, Operands::Anywhere));
  EXPECT_TRUE(config.options().has_value());
  const Words on = {"--profiling"};
  MUST(parse_options(config.flags(), on, Operands::Anywhere));
  EXPECT_FALSE(config.options().has_value());
}

}  // namespace
}  // namespace gantry::daemon
