// SPDX-License-Identifier: Apache-2.0
#include "registry/access.h"

#include <gtest/gtest.h>

namespace gantry::registry {
namespace {

AuthConfig with_rules(std::vector<RuleConfig> rules) {
  return {.htpasswd = "users", .rules = std::move(rules)};
}

TEST(Access, WithoutAccountsEverybodyMayDoEverything) {
  const Access access{AuthConfig{}};
  EXPECT_EQ(access.allowed("", "a"), Actions::all());
}

TEST(Access, WithoutRulesEveryAccountMayDoEverything) {
  const Access access(with_rules({}));
  EXPECT_EQ(access.allowed("alice", "a"), Actions::all());
  EXPECT_TRUE(access.allowed("", "a").empty());
}

TEST(Access, RulesAddUp) {
  const Access access(with_rules({{{"**"}, {"*"}, {Action::Pull}},
                                  {{"team/*"}, {"alice"}, {Action::Push}},
                                  {{"team/web"}, {"bob"}, {Action::Delete}}}));
  EXPECT_EQ(access.allowed("alice", "team/web"), (Actions{Action::Pull, Action::Push}));
  EXPECT_EQ(access.allowed("bob", "team/web"), (Actions{Action::Pull, Action::Delete}));
  EXPECT_EQ(access.allowed("bob", "team/api"), Actions{Action::Pull});
  EXPECT_TRUE(access.allowed("", "team/web").empty());
}

TEST(Access, AnonymousIsEverybodyAndAStarOnlyAccounts) {
  const Access access(with_rules({{{"public/**"}, {"anonymous"}, {Action::Pull}}}));
  EXPECT_TRUE(access.allows("", "public/a/b", Action::Pull));
  EXPECT_TRUE(access.allows("alice", "public/a", Action::Pull));
  EXPECT_FALSE(access.allows("alice", "public/a", Action::Push));
  EXPECT_FALSE(access.allows("alice", "private", Action::Pull));
}

TEST(Access, UnknownWordsGrantNothing) {
  EXPECT_EQ(parse_actions("pull,own,push"), (Actions{Action::Pull, Action::Push}));
  EXPECT_EQ(parse_actions("*"), Actions::all());
  EXPECT_TRUE(parse_actions("").empty());
}

}  // namespace
}  // namespace gantry::registry
