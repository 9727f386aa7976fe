// SPDX-License-Identifier: Apache-2.0
#include "kube/access/rbac.h"

#include <gtest/gtest.h>

#include "kube/access/escalation.h"
#include "kube/api/stored_kinds.h"
#include "kube/api/test_objects.h"
#include "testing/must.h"

namespace gantry::kube {
namespace {

class RbacTest : public ::testing::Test {
 protected:
  void role(const std::string& name_space, const std::string& name, const std::string& rules,
            const std::string& more = "") {
    objects.put(name_space.empty() ? stored::kClusterRoles : stored::kRoles,
                fmt::format(R"({{"metadata":{{"namespace":"{}","name":"{}"{}}},"rules":[{}]}})", name_space,
                            name, more, rules));
  }
  void aggregated(const std::string& name, const std::string& label, const std::string& own_label = "") {
    objects.put(stored::kClusterRoles,
                fmt::format(R"({{"metadata":{{"name":"{}","labels":{{"{}":"true"}}}},"aggregationRule":)"
                            R"({{"clusterRoleSelectors":[{{"matchLabels":{{"{}":"true"}}}}]}}}})",
                            name, own_label, label));
  }
  void bind(const std::string& name_space, const std::string& name, const std::string& kind,
            const std::string& role, const std::string& subject) {
    objects.put(
        name_space.empty() ? stored::kClusterRoleBindings : stored::kRoleBindings,
        fmt::format(R"({{"metadata":{{"namespace":"{}","name":"{}"}},"roleRef":{{"kind":"{}","name":"{}"}},)"
                    R"("subjects":[{}]}})",
                    name_space, name, kind, role, subject));
  }
  bool may(const User& user, const std::string& verb, const std::string& resource,
           const std::string& name_space) {
    return rbac.decide({.user = user, .verb = verb, .resource = resource, .name_space = name_space})
        .is_allowed();
  }

  static constexpr const char* kReadPods =
      R"({"verbs":["get","list"],"apiGroups":[""],"resources":["pods"]})";
  static constexpr const char* kAlice = R"({"kind":"User","name":"alice"})";
  const User alice{.name = "alice"};
  const User ops{.name = "bob", .groups = {"ops"}};
  kube::testing::TestObjects objects;
  Rbac rbac{objects};
};

TEST_F(RbacTest, ABindingOfTheClusterCountsEverywhereOneOfANamespaceThere) {
  role("", "reader", kReadPods);
  EXPECT_FALSE(may(alice, "get", "pods", "work"));
  bind("work", "alice-reads", "ClusterRole", "reader", kAlice);
  EXPECT_TRUE(may(alice, "get", "pods", "work"));
  EXPECT_FALSE(may(alice, "get", "pods", "home"));
  EXPECT_FALSE(may(alice, "get", "pods", ""));
  EXPECT_FALSE(may(alice, "delete", "pods", "work"));
  bind("", "ops-read", "ClusterRole", "reader", R"({"kind":"Group","name":"ops"})");
  EXPECT_TRUE(may(ops, "list", "pods", "home"));
  EXPECT_TRUE(may(ops, "list", "pods", ""));
}

TEST_F(RbacTest, ServiceAccountsAreOfTheBindingsNamespaceUnlessSaid) {
  role("work", "reader", kReadPods);
  bind("work", "b", "Role", "reader", R"({"kind":"ServiceAccount","name":"web"})");
  EXPECT_TRUE(may({.name = "system:serviceaccount:work:web"}, "get", "pods", "work"));
  bind("work", "b", "Role", "reader", R"({"kind":"ServiceAccount","namespace":"home","name":"web"})");
  EXPECT_FALSE(may({.name = "system:serviceaccount:work:web"}, "get", "pods", "work"));
  EXPECT_TRUE(may({.name = "system:serviceaccount:home:web"}, "get", "pods", "work"));
}

TEST_F(RbacTest, ChangesCountAtOnce) {
  bind("", "b", "ClusterRole", "later", kAlice);
  EXPECT_FALSE(may(alice, "get", "pods", "work")) << "no such role yet";
  role("", "later", kReadPods);
  EXPECT_TRUE(may(alice, "get", "pods", "work"));
  role("", "later", R"({"verbs":["get"],"apiGroups":[""],"resources":["nodes"]})");
  EXPECT_FALSE(may(alice, "get", "pods", "work"));
  role("", "later", kReadPods);
  objects.remove(stored::kClusterRoleBindings, "", "b");
  EXPECT_FALSE(may(alice, "get", "pods", "work"));
  bind("", "b", "ClusterRole", "later", kAlice);
  objects.remove(stored::kClusterRoles, "", "later");
  EXPECT_FALSE(may(alice, "get", "pods", "work"));
}

TEST_F(RbacTest, TheReasonNamesBindingRoleAndSubject) {
  role("", "reader", kReadPods);
  bind("work", "b", "ClusterRole", "reader", kAlice);
  EXPECT_EQ(rbac.decide({.user = alice, .verb = "get", .resource = "pods", .name_space = "work"}).reason,
            R"(RBAC: allowed by RoleBinding "b/work" of ClusterRole "reader" to User "alice")");
}

TEST_F(RbacTest, AggregatedRolesHaveTheRulesOfOthersAsTheyChange) {
  aggregated("admin", "to-admin");
  aggregated("edit", "to-edit", "to-admin");
  bind("", "b", "ClusterRole", "admin", kAlice);
  EXPECT_FALSE(may(alice, "get", "pods", "work"));
  role("", "part", kReadPods, R"(,"labels":{"to-edit":"true"})");
  EXPECT_TRUE(may(alice, "get", "pods", "work")) << "through edit";
  EXPECT_EQ(rbac.rules_of(RoleReference{"", "admin"})->size(), 1u);
  role("", "part", kReadPods);
  EXPECT_FALSE(may(alice, "get", "pods", "work"));
  aggregated("loop", "to-loop", "to-loop");
  EXPECT_TRUE(rbac.rules_of(RoleReference{"", "loop"})->empty());
}

TEST_F(RbacTest, WhatSomebodyHoldsIsListed) {
  role("", "reader", kReadPods);
  bind("work", "b", "ClusterRole", "reader", kAlice);
  RuleList list;
  rbac.list_rules(alice, "work", list);
  ASSERT_EQ(list.rules.size(), 1u);
  EXPECT_TRUE(rbac.rules_of(alice, "").empty());
  EXPECT_FALSE(rbac.rules_of(RoleReference{"", "nobody"}));
}

// ---- Escalation

class EscalationTest : public RbacTest {
 protected:
  int write_role(const User& user, const std::string& rules, const json::Tree* old = nullptr) {
    const json::Tree wanted =
        MUST(json::Tree::parse(fmt::format(R"({{"metadata":{{"name":"new"}},"rules":[{}]}})", rules)));
    const auto answer = check_role_write(
        rbac, rbac, {.user = user, .verb = "create", .resource = "roles", .name_space = "work"}, old, wanted);
    if (!answer) message = answer.error()->message;
    return answer ? 0 : answer.error()->code;
  }
  int write_binding(const User& user, const std::string& role_name) {
    const json::Tree wanted = MUST(json::Tree::parse(fmt::format(
        R"({{"metadata":{{"name":"new"}},"roleRef":{{"kind":"ClusterRole","name":"{}"}}}})", role_name)));
    const auto answer = check_binding_write(
        rbac, rbac, {.user = user, .verb = "create", .resource = "rolebindings", .name_space = "work"},
        nullptr, wanted);
    return answer ? 0 : answer.error()->code;
  }
  std::string message;
};

TEST_F(EscalationTest, NobodyGrantsWhatHeDoesNotHold) {
  role("", "reader", kReadPods);
  bind("work", "b", "ClusterRole", "reader", kAlice);
  EXPECT_EQ(write_role(alice, kReadPods), 0);
  EXPECT_EQ(write_role(alice, R"({"verbs":["get","delete"],"apiGroups":[""],"resources":["pods"]})"), 403);
  EXPECT_EQ(
      message,
      "roles.rbac.authorization.k8s.io \"new\" is forbidden: user \"alice\" (groups=[]) is attempting to "
      "grant "
      "RBAC permissions not currently held:\n{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"delete\"]}");
  EXPECT_EQ(write_role({.name = "root", .groups = {kMastersGroup}},
                       R"({"verbs":["*"],"apiGroups":["*"],"resources":["*"]})"),
            0);
}

TEST_F(EscalationTest, WhoMayEscalateOrBindMay) {
  role("", "escalator",
       R"({"verbs":["escalate"],"apiGroups":["rbac.authorization.k8s.io"],"resources":["roles"]})");
  role(
      "", "binder",
      R"({"verbs":["bind"],"apiGroups":["rbac.authorization.k8s.io"],"resources":["clusterroles"],"resourceNames":["reader"]})");
  role("", "reader", kReadPods);
  EXPECT_EQ(write_binding(alice, "reader"), 403);
  EXPECT_EQ(write_binding(alice, "gone"), 404);
  bind("work", "1", "ClusterRole", "escalator", kAlice);
  bind("work", "2", "ClusterRole", "binder", kAlice);
  EXPECT_EQ(write_role(alice, kReadPods), 0);
  EXPECT_EQ(write_binding(alice, "reader"), 0);
  EXPECT_EQ(write_binding(alice, "escalator"), 0) << "she holds all that is in it";
}

TEST_F(EscalationTest, AnAggregationNeedsEverythingAndBookkeepingNothing) {
  json::Tree wanted =
      MUST(json::Tree::parse(R"({"metadata":{"name":"n"},"aggregationRule":{"clusterRoleSelectors":[]}})"));
  const AccessRequest request{.user = alice, .verb = "create", .resource = "clusterroles"};
  EXPECT_FALSE(check_role_write(rbac, rbac, request, nullptr, wanted));
  json::Tree old = wanted;
  wanted.object()["metadata"].object()["finalizers"].array().emplace_back("a/b");
  EXPECT_TRUE(check_role_write(rbac, rbac, request, &old, wanted));
}

}  // namespace
}  // namespace gantry::kube
