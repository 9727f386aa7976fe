// SPDX-License-Identifier: Apache-2.0
#include "build/stage_graph.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::build {
namespace {

const oci::Platform kPlatform{.os = "linux", .architecture = "amd64"};

struct Planned {
  dockerfile::Dockerfile file;
  StageGraph graph;
};

Result<Planned> plan(std::string_view text, const std::string& target = {}, const Arguments& given = {}) {
  Planned planned{.file = TRY(dockerfile::parse(text, "Dockerfile"))};
  GlobalArguments globals(given, kPlatform, kPlatform);
  for (const auto& instruction : planned.file.arguments)
    for (const auto& item : std::get<dockerfile::Arg>(instruction.body).items)
      globals.declare(item.name, item.value ? std::optional(item.value->text) : std::nullopt);
  GraphProblem problem;
  planned.graph = TRY(plan_stages(planned.file, target, globals, problem));
  return planned;
}

std::string failure(std::string_view text, const std::string& target = {}) {
  const auto planned = plan(text, target);
  return planned ? "it is fine" : planned.error().message();
}

TEST(StageGraph, needs_what_the_target_uses_and_nothing_else) {
  const Planned planned =
      MUST(plan("FROM x AS base\nFROM base AS tool\nFROM x AS unused\n"
                "FROM scratch\nCOPY --from=tool /a /a\nRUN --mount=from=0,target=/x true\n"));
  const auto& stages = planned.graph.stages;
  EXPECT_TRUE(stages[0].is_needed);
  EXPECT_TRUE(stages[1].is_needed);
  EXPECT_FALSE(stages[2].is_needed);
  EXPECT_EQ(stages[1].base_stage, 0u);
  EXPECT_TRUE(stages[3].is_scratch());
}

TEST(StageGraph, finds_a_target_by_name_or_number) {
  constexpr std::string_view kText = "FROM x AS One\nFROM y AS two\n";
  EXPECT_EQ(MUST(plan(kText, "one")).graph.target, 0u);
  EXPECT_EQ(MUST(plan(kText, "1")).graph.target, 1u);
  EXPECT_NE(failure(kText, "on").find("did you mean 'one'?"), std::string::npos);
}

TEST(StageGraph, arguments_name_bases_and_platforms) {
  constexpr std::string_view kText = "ARG V=1\nFROM --platform=$BUILDPLATFORM x:$V\n";
  EXPECT_EQ(MUST(plan(kText)).graph.stages[0].base, "x:1");
  EXPECT_EQ(MUST(plan(kText, {}, {{"V", "2"}})).graph.stages[0].base, "x:2");
  EXPECT_EQ(MUST(plan(kText)).graph.stages[0].platform, kPlatform);
}

TEST(StageGraph, refuses_circles_and_empty_names) {
  EXPECT_NE(failure("FROM x AS a\nCOPY --from=a /x /x\n").find("refers to itself"), std::string::npos);
  EXPECT_NE(failure("FROM x AS a\nCOPY --from=b /x /x\nFROM x AS b\n").find("stands further down"),
            std::string::npos);
  EXPECT_NE(failure("FROM ${X}\n").find("is empty"), std::string::npos);
  EXPECT_NE(failure("FROM x\nCOPY --from=$X /a /b\n").find("variable"), std::string::npos);
}

}  // namespace
}  // namespace gantry::build
