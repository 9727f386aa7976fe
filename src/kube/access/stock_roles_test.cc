// SPDX-License-Identifier: Apache-2.0
#include "kube/access/stock_roles.h"

#include <gtest/gtest.h>

#include <set>

#include "kube/access/rbac.h"
#include "kube/api/stored_kinds.h"
#include "kube/api/test_objects.h"

namespace gantry::kube {
namespace {

void write(kube::testing::TestObjects& objects, const std::vector<StockObject>& wanted) {
  for (const StockObject& each : wanted) objects.put(each.stored_as, each.object.to_text());
}

class StockRolesTest : public ::testing::Test {
 protected:
  StockRolesTest() { write(objects, missing_stock_roles(objects)); }
  bool may(const User& user, const AccessRequest& what) {
    AccessRequest request = what;
    request.user = user;
    return rbac.decide(request).is_allowed();
  }
  kube::testing::TestObjects objects;
  Rbac rbac{objects};
};

TEST_F(StockRolesTest, EachIsThereOnceAndEveryBindingHasItsRole) {
  std::set<std::tuple<std::string, std::string, std::string>> names;
  for (const StockObject& stock : stock_roles()) {
    const json::Tree& object = stock.object;
    EXPECT_TRUE(names
                    .emplace(stock.stored_as, object.text_at("metadata", "namespace"),
                             object.text_at("metadata", "name"))
                    .second)
        << object.text_at("metadata", "name");
    if (object.find("roleRef") == nullptr) continue;
    const RoleReference role = {
        std::string(object.text_at("roleRef", "kind") == "Role" ? object.text_at("metadata", "namespace")
                                                                : ""),
        std::string(object.text_at("roleRef", "name"))};
    EXPECT_TRUE(rbac.rules_of(role)) << role.name;
  }
  EXPECT_GT(names.size(), 100u);
}

TEST_F(StockRolesTest, PeopleAndPartsMayWhatTheyAreKnownFor) {
  const User anybody{.name = "x", .groups = {kAuthenticatedGroup}};
  EXPECT_TRUE(may(anybody, {.verb = "get", .is_resource = false, .path = "/api/v1"}));
  EXPECT_TRUE(may(
      anybody, {.verb = "create", .group = "authorization.k8s.io", .resource = "selfsubjectaccessreviews"}));
  EXPECT_FALSE(may(anybody, {.verb = "list", .resource = "pods", .name_space = "default"}));
  EXPECT_TRUE(may({.name = "root", .groups = {kMastersGroup}}, {.verb = "delete", .resource = "nodes"}));
  EXPECT_TRUE(may({.name = "system:kube-scheduler"},
                  {.verb = "create", .resource = "pods", .subresource = "binding", .name_space = "default"}));
  EXPECT_TRUE(may({.name = "system:serviceaccount:kube-system:deployment-controller"},
                  {.verb = "update", .group = "apps", .resource = "deployments", .subresource = "status"}));
  EXPECT_FALSE(may({.name = "n1", .groups = {"system:nodes"}}, {.verb = "list", .resource = "secrets"}));
}

TEST_F(StockRolesTest, AdminHoldsWhatEditAndViewHold) {
  objects.put(
      stored::kRoleBindings,
      R"({"metadata":{"namespace":"work","name":"b"},"roleRef":{"kind":"ClusterRole","name":"admin"},)"
      R"("subjects":[{"kind":"User","name":"alice"}]})");
  const User alice{.name = "alice"};
  EXPECT_TRUE(may(alice, {.verb = "list", .resource = "pods", .name_space = "work"}));
  EXPECT_TRUE(
      may(alice, {.verb = "create", .group = "apps", .resource = "deployments", .name_space = "work"}));
  EXPECT_TRUE(may(
      alice,
      {.verb = "create", .group = "rbac.authorization.k8s.io", .resource = "roles", .name_space = "work"}));
  EXPECT_FALSE(may(alice, {.verb = "create", .resource = "resourcequotas", .name_space = "work"}));
}

TEST_F(StockRolesTest, WhatIsCompleteIsLeftAlone) {
  EXPECT_TRUE(missing_stock_roles(objects).empty());
  const auto aggregated = stale_aggregated_roles(objects);
  EXPECT_EQ(aggregated.size(), 3u);
  write(objects, aggregated);
  EXPECT_TRUE(stale_aggregated_roles(objects).empty());
  EXPECT_TRUE(missing_stock_roles(objects).empty());
}

TEST_F(StockRolesTest, WhatIsMissingIsAddedToWhatIsThere) {
  objects.put(stored::kClusterRoles,
              R"({"metadata":{"name":"system:kube-dns","resourceVersion":"7"},)"
              R"("rules":[{"verbs":["get"],"apiGroups":[""],"resources":["nodes"]}]})");
  auto missing = missing_stock_roles(objects);
  ASSERT_EQ(missing.size(), 1u);
  EXPECT_EQ(missing[0].object.find("rules")->array().size(), 2u);
  EXPECT_EQ(missing[0].object.text_at("metadata", "resourceVersion"), "7");
  objects.put(stored::kClusterRoles,
              R"({"metadata":{"name":"system:kube-dns","annotations":)"
              R"({"rbac.authorization.kubernetes.io/autoupdate":"false"}},"rules":[]})");
  EXPECT_TRUE(missing_stock_roles(objects).empty()) << "somebody wants it so";
}

}  // namespace
}  // namespace gantry::kube
