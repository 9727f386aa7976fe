// SPDX-License-Identifier: Apache-2.0
#include "kube/aggregation/local_services.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "kube/api/stored_kinds.h"
#include "kube/api/test_objects.h"
#include "kube/schema/catalog.h"

namespace gantry::kube {
namespace {

std::vector<const Resource*> built_in() {
  std::vector<const Resource*> all;
  for (const Resource& resource : Catalog::built_in().resources()) all.push_back(&resource);
  return all;
}

const json::Tree* find(const std::vector<json::Tree>& objects, std::string_view name) {
  const auto found = std::ranges::find_if(
      objects, [&](const json::Tree& object) { return object.text_at("metadata", "name") == name; });
  return found == objects.end() ? nullptr : &*found;
}

TEST(LocalServices, AreOneForEveryGroupAndVersion) {
  testing::TestObjects objects;
  const LocalServices services = compare_local_services(built_in(), objects);
  ASSERT_NE(find(services.missing, "v1."), nullptr);
  ASSERT_NE(find(services.missing, "v2.autoscaling"), nullptr);
  const json::Tree* apps = find(services.missing, "v1.apps");
  ASSERT_NE(apps, nullptr);
  EXPECT_EQ(apps->find("spec")->to_text(),
            R"({"group":"apps","groupPriorityMinimum":17800,"version":"v1","versionPriority":15})");
  EXPECT_EQ(apps->text_at("metadata", "labels", "kube-aggregator.kubernetes.io/automanaged"), "onstart");
  EXPECT_TRUE(services.surplus.empty());
}

TEST(LocalServices, FollowDefinitionsAndNobodyElse) {
  testing::TestObjects objects;
  const char* label = "kube-aggregator.kubernetes.io/automanaged";
  objects.put(stored::kApiServices, R"({"metadata":{"name":"v1.gone.example.com","labels":{")" +
                                        std::string(label) + R"(":"true"}}})");
  objects.put(stored::kApiServices, R"({"metadata":{"name":"v1.foreign.example.com"}})");
  Resource custom{.kind = {"example.com", "v1", "Thing"}, .plural = "things"};
  const LocalServices services = compare_local_services({&custom}, objects);
  ASSERT_EQ(services.missing.size(), 1u);
  EXPECT_EQ(services.missing[0].text_at("metadata", "name"), "v1.example.com");
  EXPECT_EQ(services.missing[0].text_at("metadata", "labels", label), "true");
  ASSERT_EQ(services.surplus.size(), 1u);
  EXPECT_EQ(services.surplus[0], "v1.gone.example.com");
}

}  // namespace
}  // namespace gantry::kube
