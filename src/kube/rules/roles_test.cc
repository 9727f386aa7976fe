// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/test_objects.h"

namespace gantry::kube::rules {
namespace {

constexpr const char* kGroup = "rbac.authorization.k8s.io";

TEST(Role, ItsRulesAreWhole) {
  EXPECT_EQ(faults(resource(kGroup, "Role"),
                   object(R"("rules":[{"verbs":["get"],"nonResourceURLs":["/x"]},{"resources":["pods"]}])")),
            "rules[0].nonResourceURLs: Invalid value: [\"/x\"]: namespaced rules cannot apply to "
            "non-resource URLs\n"
            "rules[1].verbs: Required value: verbs must contain at least one value\n"
            "rules[1].apiGroups: Required value: resource rules must supply at least one api group");
  json::Tree system = object(R"("rules":[{"verbs":["*"],"nonResourceURLs":["*"]}])", "");
  system.object()["metadata"].object()["name"] = "system:admin";
  EXPECT_EQ(faults(resource(kGroup, "ClusterRole", false), system), "");
}

TEST(RoleBinding, KeepsItsRole) {
  const Resource bindings = resource(kGroup, "RoleBinding");
  const auto bound = [](std::string role) {
    return object(R"("roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":")" + role +
                  R"("},"subjects":[{"kind":"User","apiGroup":"rbac.authorization.k8s.io","name":"a"}])");
  };
  const json::Tree before = bound("view");
  EXPECT_EQ(faults(bindings, before), "");
  EXPECT_TRUE(faults(bindings, bound("edit"), &before).ends_with("cannot change roleRef"));
  EXPECT_EQ(
      faults(
          bindings,
          object(
              R"("roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Thing","name":"a"},"subjects":[{"kind":"Robot","name":"a"}])")),
      "roleRef.kind: Unsupported value: \"Thing\": supported values: \"Role\", \"ClusterRole\"\n"
      "subjects[0].kind: Unsupported value: \"Robot\": supported values: \"ServiceAccount\", \"User\", "
      "\"Group\"");
}

}  // namespace
}  // namespace gantry::kube::rules
