// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/lint.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "testing/must.h"

namespace gantry::dockerfile {
namespace {

using Found = std::vector<std::string>;

// "3 Rule" for everything that is said.
Found found(const std::string& text, const LintOptions& options = {}, std::string_view check = {}) {
  const Dockerfile file = MUST(parse(text, "Dockerfile"));
  Found found;
  for (const Warning& warning : lint(file, MUST(parse_check(check)), options))
    found.push_back(fmt::format("{} {}", warning.at.line, warning.rule));
  return found;
}

TEST(Lint, NothingIsSaidOfWhatIsWell) {
  EXPECT_EQ(
      found(
          "ARG TAG=1\nFROM debian:$TAG AS base\nARG A=1\nENV B=$A PATH=/x:$PATH\nWORKDIR /src\nWORKDIR sub\n"
          "EXPOSE 80/tcp $B\nFROM base\nRUN make $UNKNOWN\nCMD [\"x\"]\n"),
      Found{});
}

TEST(Lint, KeywordsAndNamesHaveOneCase) {
  EXPECT_EQ(found("FROM a AS Build\nRun x\nCOPY . .\n"),
            (Found{"1 StageNameCasing", "2 ConsistentInstructionCasing"}));
  EXPECT_EQ(found("from a\nrun x\nUSER y\n"), (Found{"3 ConsistentInstructionCasing"}));
  EXPECT_EQ(found("FROM a as b\n"), (Found{"1 FromAsCasing"}));
  EXPECT_EQ(found("from a as b\n"), Found{});
}

TEST(Lint, NamesOfStagesAreTheirOwn) {
  EXPECT_EQ(found("FROM a AS x\nFROM b AS x\nFROM c AS context\n"),
            (Found{"2 DuplicateStageName", "3 ReservedStageName"}));
}

TEST(Lint, CommandsNameTheirProgram) {
  EXPECT_EQ(found("FROM a\nCMD run\nENTRYPOINT run\n"),
            (Found{"2 JSONArgsRecommended", "3 JSONArgsRecommended"}));
  EXPECT_EQ(found("FROM a AS b\nSHELL [\"sh\"]\nCMD run\nFROM b\nENTRYPOINT run\n"), Found{});
  EXPECT_EQ(found("FROM a\nCMD [run]\n"), (Found{"2 JSONArgsRecommended"}));
}

TEST(Lint, TheLastOneOfAStageCounts) {
  EXPECT_EQ(
      found("FROM a\nCMD [\"a\"]\nHEALTHCHECK NONE\nCMD [\"b\"]\nHEALTHCHECK CMD x\nFROM b\nCMD [\"c\"]\n"),
      (Found{"2 MultipleInstructionsDisallowed", "3 MultipleInstructionsDisallowed"}));
}

TEST(Lint, RelativeDirectoriesNeedAnAbsoluteOne) {
  EXPECT_EQ(found("FROM a AS b\nWORKDIR x\nWORKDIR /y\nFROM b\nWORKDIR z\n"),
            (Found{"2 WorkdirRelativePath"}));
}

TEST(Lint, SecretsAreNoVariables) {
  EXPECT_EQ(found("FROM a\nARG API_TOKEN PUBLIC_KEY TOKENS\nENV password=x AUTH_FILE=/x\n"),
            (Found{"2 SecretsUsedInArgOrEnv", "3 SecretsUsedInArgOrEnv"}));
}

TEST(Lint, PortsAreThoseOfTheContainer) {
  EXPECT_EQ(found("FROM a\nEXPOSE 80/TCP 127.0.0.1:80:80 81-82\n"),
            (Found{"2 ExposeProtoCasing", "2 ExposeInvalidFormat"}));
}

TEST(Lint, PlatformsAreForWhoBuilds) {
  EXPECT_EQ(found("FROM --platform=$TARGETPLATFORM a\nFROM --platform=linux/amd64 a\nFROM "
                  "--platform=linux/amd64 a AS x-amd64\n"
                  "FROM --platform=$BUILDPLATFORM a\n"),
            (Found{"1 RedundantTargetPlatform", "2 FromPlatformFlagConstDisallowed"}));
}

TEST(Lint, ArgumentsOfFromStandBeforeIt) {
  EXPECT_EQ(found("ARG TAG\nFROM a:${TAGS}\n"), (Found{"2 UndefinedArgInFrom", "2 InvalidDefaultArgInFrom"}));
  EXPECT_EQ(found("ARG TAG\nFROM a:${TAG:-1}\nFROM a:$TAG\n"), (Found{"3 InvalidDefaultArgInFrom"}));
}

TEST(Lint, VariablesAreDefinedBeforeTheyAreUsed) {
  EXPECT_EQ(
      found(
          "FROM scratch AS a\nARG DIR=/x\nCOPY $DIRR ${DIR} /\nENV A=$B B=1\nFROM a\nUSER $DIR\nENV C=$B\n"),
      (Found{"3 UndefinedVar", "4 UndefinedVar", "6 UndefinedVar"}));
  EXPECT_EQ(found("FROM scratch\nENV A=${B:-x} C=${D+y} E=${F?must}\n"), Found{});
  EXPECT_EQ(found("FROM scratch\nENV A='$B'\n"), Found{});
}

TEST(Lint, WhatAnImageDefinesIsAsked) {
  const LintOptions options{
      .environment_of = [](const std::string& image) -> std::optional<std::vector<std::string>> {
        if (image == "known") return std::vector<std::string>{"VERSION=3"};
        return std::nullopt;
      }};
  EXPECT_EQ(found("FROM known\nENV A=$VERSION B=$OTHER\nFROM unknown\nENV A=$OTHER\n", options),
            (Found{"2 UndefinedVar"}));
}

TEST(Lint, SourcesThatAreLeftOutAreNamed) {
  const IgnoreList ignored = MUST(IgnoreList::parse("tmp\n!tmp/kept\nlogs\n", ".dockerignore"));
  EXPECT_EQ(found("FROM a\nCOPY ./logs/x tmp other https://x/logs /\nCOPY --from=b logs /\n",
                  {.ignored = &ignored}),
            (Found{"2 CopyIgnoredFile"}));
}

TEST(Lint, RulesAreSkipped) {
  constexpr const char* kText = "FROM a as b\nCMD x\n";
  EXPECT_EQ(found(kText, {}, "skip=FromAsCasing").size(), 1u);
  EXPECT_EQ(found(kText, {}, "skip=FromAsCasing, JSONArgsRecommended;error=true"), Found{});
  EXPECT_EQ(found(kText, {}, "skip=all"), Found{});
  EXPECT_TRUE(MUST(parse_check("error=true")).is_error);
  EXPECT_FALSE(parse_check("error=maybe"));
  EXPECT_FALSE(parse_check("skp=all"));
}

TEST(Lint, RulesAreExplained) {
  EXPECT_EQ(rule_url("JSONArgsRecommended"),
            "https://docs.docker.com/go/dockerfile/rule/json-args-recommended/");
  EXPECT_EQ(rule_url("StageNameCasing"), "https://docs.docker.com/go/dockerfile/rule/stage-name-casing/");
}

TEST(Lint, AFileThatIsMadeToTakeLongDoesNot) {
  std::string text = "FROM scratch AS s0\nENV";
  for (int i = 0; i < 20'000; ++i) text += fmt::format(" A{}=$A{}", i, i + 1);
  for (int i = 1; i < 900; ++i) text += fmt::format("\nFROM s{} AS s{}\nENV B=$A0$A9$C", i - 1, i);
  EXPECT_LE(found(text + "\n").size(), 500u);
}

}  // namespace
}  // namespace gantry::dockerfile
