// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "kube/admission/plugins.h"
#include "kube/admission/test_request.h"
#include "kube/api/stored_kinds.h"
#include "kube/api/test_objects.h"

namespace gantry::kube::admission {
namespace {

constexpr const char* kRole =
    R"({"metadata":{"name":"r"},"rules":[{"verbs":["get"],"apiGroups":[""],"resources":["pods"]}]})";
constexpr const char* kBinding = R"({"metadata":{"name":"b"},"roleRef":{"kind":"ClusterRole","name":"r"}})";

TEST(RoleEscalation, nobody_gives_away_more_than_he_has) {
  kube::testing::TestObjects objects;
  objects.put(stored::kClusterRoles, kRole);
  objects.put(stored::kClusterRoleBindings,
              R"({"metadata":{"name":"a"},"roleRef":{"kind":"ClusterRole","name":"r"},)"
              R"("subjects":[{"kind":"User","name":"alice"}]})");
  const Rbac rbac(objects);
  const auto plugin = role_escalation(rbac, rbac);
  for (const auto& [resource, object] : {std::pair("roles.rbac.authorization.k8s.io", kRole),
                                         std::pair("rolebindings.rbac.authorization.k8s.io", kBinding)}) {
    EXPECT_EQ(TestRequest(resource, object).by({.name = "alice"}).validate(*plugin), "");
    EXPECT_NE(TestRequest(resource, object).by({.name = "bob"}).validate(*plugin).find("not currently held"),
              std::string::npos)
        << resource;
    EXPECT_EQ(TestRequest(resource, object).by({.name = "bob"}).from(object).validate(*plugin), "")
        << "nothing changes";
  }
  EXPECT_EQ(TestRequest("pods", R"({"metadata":{"name":"p"}})").by({.name = "bob"}).validate(*plugin), "");
}

}  // namespace
}  // namespace gantry::kube::admission
