// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/patterns.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::dockerfile {
namespace {

TEST(Patterns, StarsStayInOneDirectoryAndDoubleStarsDoNot) {
  EXPECT_TRUE(matches("*.go", "main.go"));
  EXPECT_FALSE(matches("*.go", "cmd/main.go"));
  EXPECT_TRUE(matches("**/*.go", "main.go"));
  EXPECT_TRUE(matches("**/*.go", "a/b/main.go"));
  EXPECT_FALSE(matches("**/go", "a/ergo"));
  EXPECT_TRUE(matches("a/**", "a/b/c"));
  EXPECT_TRUE(matches("a/**/z", "a/z"));
  EXPECT_TRUE(matches("a/**/z", "a/b/c/z"));
  EXPECT_FALSE(matches("a/**/z", "a/bz"));
}

TEST(Patterns, QuestionMarksSetsAndEscapes) {
  EXPECT_TRUE(matches("?[a-c][^x]", "zby"));
  EXPECT_FALSE(matches("?[a-c][^x]", "zbx"));
  EXPECT_FALSE(matches("a?b", "a/b"));
  EXPECT_TRUE(matches("\\*", "*"));
  EXPECT_FALSE(matches("\\*", "x"));
  EXPECT_TRUE(matches("[]]", "]") || !check_pattern("[]]"));
}

TEST(Patterns, MalformedOnesAreErrors) {
  EXPECT_FALSE(check_pattern("[a"));
  EXPECT_FALSE(check_pattern("a\\"));
  EXPECT_FALSE(check_pattern("[b-a]"));
  EXPECT_FALSE(check_pattern(std::string(5000, '*')));
}

TEST(Patterns, TakeLinearTime) {
  std::string pattern;
  for (int i = 0; i < 500; ++i) pattern += "*a";
  EXPECT_FALSE(matches(pattern + "b", std::string(2000, 'a')));
}

TEST(IgnoreList, TheLastRuleThatFitsDecides) {
  const IgnoreList list =
      MUST(IgnoreList::parse("# comment\n*.md\n!README.md\n\n/build/\nREADME-secret.md\n", "x"));
  EXPECT_TRUE(list.is_ignored("a.md"));
  EXPECT_FALSE(list.is_ignored("README.md"));
  EXPECT_TRUE(list.is_ignored("build"));
  EXPECT_TRUE(list.is_ignored("build/deep/x"));
  EXPECT_FALSE(list.is_ignored("src/build.c"));
}

TEST(IgnoreList, ExceptionsBelowAnIgnoredDirectoryAreFound) {
  const IgnoreList list = MUST(IgnoreList::parse("*\n!src/keep\n", ".dockerignore"));
  EXPECT_TRUE(list.is_ignored("src"));
  EXPECT_TRUE(list.is_ignored("src/other"));
  EXPECT_FALSE(list.is_ignored("src/keep/x"));
  EXPECT_TRUE(list.may_except_below("src"));
  EXPECT_FALSE(list.may_except_below("doc"));
}

TEST(IgnoreList, NamesTheLineOfAMalformedPattern) {
  const auto list = IgnoreList::parse("ok\n[a\n", ".dockerignore");
  ASSERT_FALSE(list);
  EXPECT_EQ(list.error().message().rfind(".dockerignore:2: ", 0), 0u);
}

}  // namespace
}  // namespace gantry::dockerfile
