// SPDX-License-Identifier: Apache-2.0
#include "build/inspection.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::build {
namespace {

constexpr const char* kFile = R"(ARG TAG=12
FROM debian:$TAG AS tools
RUN --mount=type=secret,id=token,required --mount=type=cache,target=/cache true
FROM debian:$TAG AS unused
ARG NEVER
FROM tools
MAINTAINER me
ARG VERSION=1.$TAG LEVEL
RUN --mount=type=secret,id=token --mount=type=ssh make
)";

BuildRequest request(std::string target = {}) {
  return {
      .dockerfile_text = kFile, .target = std::move(target), .arguments = {{"TAG", "13"}, {"LEVEL", "high"}}};
}

TEST(Inspection, NamesTheStages) {
  const BuildRequest wanted = request();
  const auto targets = MUST(Inspection::of(wanted)).targets();
  ASSERT_EQ(targets.size(), 3u);
  EXPECT_EQ(targets[0].name, "tools");
  EXPECT_EQ(targets[0].base, "debian:13");
  EXPECT_FALSE(targets[0].is_default);
  EXPECT_EQ(targets[2].base, "tools");
  EXPECT_TRUE(targets[2].is_default);
  EXPECT_EQ(targets[2].lines.first, 6u);
}

TEST(Inspection, AnOutlineHasWhatTheTargetNeedsAndNoMore) {
  const BuildRequest wanted = request();
  const Outline outline = MUST(Inspection::of(wanted)).outline();
  std::vector<std::string> names;
  for (const auto& argument : outline.arguments) names.push_back(argument.name);
  EXPECT_EQ(names, (std::vector<std::string>{"TAG", "VERSION", "LEVEL"}));
  EXPECT_EQ(outline.arguments[0].value, "13");
  EXPECT_EQ(outline.arguments[1].value, "1.13");
  EXPECT_EQ(outline.arguments[2].value, "high");
  ASSERT_EQ(outline.secrets.size(), 1u);
  EXPECT_TRUE(outline.secrets[0].is_required);
  EXPECT_EQ(outline.secrets[0].lines.first, 3u);
  ASSERT_EQ(outline.agents.size(), 1u);
  EXPECT_EQ(outline.agents[0].id, "default");
  ASSERT_EQ(outline.caches.size(), 1u);
  EXPECT_EQ(outline.caches[0].id, "/cache");
}

TEST(Inspection, WhatIsOldIsNamedByItsRule) {
  const BuildRequest wanted = request();
  const Inspection inspection = MUST(Inspection::of(wanted));
  const auto warnings = MUST(inspection.warnings(nullptr));
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_EQ(warnings[0].rule, "MaintainerDeprecated");
  EXPECT_EQ(warnings[0].at.line, 7u);
}

TEST(Inspection, ABuildArgumentSaysWhatIsLookedFor) {
  BuildRequest wanted = request();
  wanted.arguments.emplace("BUILDKIT_DOCKERFILE_CHECK", "skip=MaintainerDeprecated");
  EXPECT_TRUE(MUST(MUST(Inspection::of(wanted)).warnings(nullptr)).empty());
}

TEST(Inspection, WhatNoBuildWouldTakeIsRefusedWithItsPlace) {
  const BuildRequest wanted = request("absent");
  EXPECT_FALSE(Inspection::of(wanted));
  const BuildRequest broken{.dockerfile_text = "FROM a\nRUNN x\n"};
  const auto refused = Inspection::of(broken);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("Dockerfile:2:1"), std::string::npos);
}

}  // namespace
}  // namespace gantry::build
