// SPDX-License-Identifier: Apache-2.0
#include "image/compose/description.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::image {
namespace {

TEST(Description, SaysWhatAnImageIsToBe) {
  const Description description = MUST(parse_description(R"(
distribution: debian
suite: bookworm
packages: [nginx-light, ca-certificates]
users:
  - {name: web, uid: 900, groups: [tty]}
files:
  - {path: /etc/motd, content: "hello\n", mode: "0600"}
  - {path: /srv}
config:
  entrypoint: [nginx, -g, daemon off;]
  env: {A: b}
  exposed_ports: [80/tcp]
source_date_epoch: 1700000000
)"));
  EXPECT_EQ(description.packages, (std::vector<std::string>{"nginx-light", "ca-certificates"}));
  EXPECT_EQ(description.users[0].uid, 900u);
  EXPECT_EQ(description.files[0].content, "hello\n");
  EXPECT_FALSE(description.files[1].content.has_value());
  EXPECT_EQ(description.config.entrypoint.back(), "daemon off;");
  EXPECT_EQ(description.source_date_epoch, 1700000000);
}

std::string refusal(const std::string& more) {
  const auto parsed = parse_description("distribution: debian\nsuite: bookworm\n" + more);
  return parsed ? "" : parsed.error().message();
}

TEST(Description, WhatIsWrongIsNamed) {
  EXPECT_NE(parse_description("suite: x").error().message().find("distribution"), std::string::npos);
  EXPECT_NE(refusal("packages: [--option]").find("'--option'"), std::string::npos);
  EXPECT_NE(refusal("packages: ['a,b']").find("'a,b'"), std::string::npos);
  EXPECT_NE(refusal("packges: [a]").find("packges"), std::string::npos);
  EXPECT_NE(refusal("users: [{name: Root}]").find("'Root'"), std::string::npos);
  EXPECT_NE(refusal("users: [{name: a, home: 'x:y'}]").find("users.home"), std::string::npos);
  EXPECT_NE(refusal("files: [{path: etc/x}]").find("'etc/x'"), std::string::npos);
  EXPECT_NE(refusal("files: [{path: /x, content: a, link: b}]").find("more than one"), std::string::npos);
  EXPECT_NE(refusal("files: [{path: /x, mode: '0999'}]").find("'0999'"), std::string::npos);
  EXPECT_NE(refusal("packages: a").find("packages"), std::string::npos);
  EXPECT_EQ(refusal(""), "");
}

}  // namespace
}  // namespace gantry::image
