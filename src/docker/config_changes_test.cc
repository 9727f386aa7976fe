// SPDX-License-Identifier: Apache-2.0
#include "docker/config_changes.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::docker {
namespace {

using Words = std::vector<std::string>;

TEST(ConfigChanges, are_applied_in_order) {
  oci::ContainerConfig config{.env = {"A=old", "B=1"}, .cmd = {"before"}};
  MUST(apply_changes({"ENV A=new C=$B", "CMD [\"serve\", \"-v\"]", "EXPOSE 80", "WORKDIR /srv\nWORKDIR www",
                      "USER web", "LABEL kind=test"},
                     config));
  EXPECT_EQ(config.env, (Words{"A=new", "B=1", "C=1"}));
  EXPECT_EQ(config.cmd, (Words{"serve", "-v"}));
  EXPECT_TRUE(config.exposed_ports.contains("80/tcp"));
  EXPECT_EQ(config.working_dir, "/srv/www");
  EXPECT_EQ(config.user, "web");
  EXPECT_EQ(config.labels.at("kind"), "test");
}

TEST(ConfigChanges, that_need_a_build_are_refused) {
  for (const char* change : {"RUN true", "COPY a b", "FROM x", "ARG A", "NONSENSE", "EXPOSE many"}) {
    oci::ContainerConfig config;
    const auto applied = apply_changes({change}, config);
    ASSERT_FALSE(applied) << change;
    EXPECT_EQ(applied.error().code(), Code::InvalidArgument);
  }
}

}  // namespace
}  // namespace gantry::docker
