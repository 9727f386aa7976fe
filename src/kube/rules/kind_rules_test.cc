// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/kind_rules.h"

#include <set>

#include <gtest/gtest.h>

#include "kube/schema/catalog.h"

namespace gantry::kube::rules {
namespace {

// What has none is taken for a custom resource.
TEST(KindRules, EveryBuiltInKindHasSome) {
  for (const Resource& resource : Catalog::built_in().resources())
    EXPECT_NE(find_rules(resource.kind.group, resource.kind.kind), nullptr)
        << resource.kind.group << " " << resource.kind.kind;
  EXPECT_EQ(find_rules("example.com", "Pod"), nullptr);
}

TEST(KindRules, NoKindHasTwo) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (const KindRules* rules : all_rules())
    EXPECT_TRUE(seen.emplace(rules->group, rules->kind).second) << rules->group << " " << rules->kind;
}

}  // namespace
}  // namespace gantry::kube::rules
