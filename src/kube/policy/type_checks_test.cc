// SPDX-License-Identifier: Apache-2.0
#include "kube/policy/type_checks.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "kube/schema/catalog.h"

namespace gantry::kube::admission {
namespace {

std::vector<TypeWarning> check(std::string_view expression, std::string_view resources,
                               std::string_view more = "") {
  const auto policy = json::Tree::parse(fmt::format(
      R"J({{"spec":{{"matchConstraints":{{"resourceRules":[{{"apiGroups":["","apps"],"apiVersions":["v1"],"resources":[{}]}}]}},
      "validations":[{{"expression":{}}}]{}}}}})J",
      resources, json::Tree(expression).to_text(), more));
  std::vector<const Resource*> served;
  for (const Resource& resource : Catalog::built_in().resources()) served.push_back(&resource);
  return check_types(*policy, served);
}

TEST(TypeChecks, AFieldThatAKindDoesNotHaveIsTold) {
  const auto warnings = check("object.replicas > 1", R"("deployments")");
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_EQ(warnings[0].field, "spec.validations[0].expression");
  EXPECT_EQ(warnings[0].text,
            "apps/v1, Kind=Deployment: ERROR: <input>:1:7: undefined field 'replicas'\n"
            " | object.replicas > 1\n"
            " | ......^\n");
}

TEST(TypeChecks, EachKindIsLookedAtByItself) {
  EXPECT_TRUE(check("object.spec.replicas > 1", R"("deployments","statefulsets")").empty());
  const auto warnings = check("object.spec.replicas > 1", R"("deployments","pods","daemonsets")");
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_TRUE(warnings[0].text.starts_with("/v1, Kind=Pod: ERROR")) << warnings[0].text;
  EXPECT_NE(warnings[0].text.find("\n\napps/v1, Kind=DaemonSet: ERROR"), std::string::npos)
      << warnings[0].text;
}

TEST(TypeChecks, TypesAreThoseOfTheSchema) {
  const auto fits = [](const char* expression) { return check(expression, R"("pods")").empty(); };
  EXPECT_TRUE(fits("object.spec.containers.all(c, c.image.startsWith('x') && c.ports[0].containerPort > 1)"));
  EXPECT_TRUE(fits("object.metadata.labels['a'] == 'b' && !has(object.metadata.deletionTimestamp)"));
  EXPECT_TRUE(fits("object.spec.containers[0].resources.limits['cpu'] != '1'"));
  EXPECT_TRUE(fits("oldObject.spec.hostNetwork"));
  EXPECT_FALSE(fits("object.spec.hostNetwork == 'true'"));
  EXPECT_FALSE(fits("object.spec.containers.image == 'x'"));
}

TEST(TypeChecks, VariablesAndParamsHaveTypesToo) {
  EXPECT_TRUE(check("variables.n > 1", R"("deployments")",
                    R"(,"variables":[{"name":"n","expression":"object.spec.replicas"}])")
                  .empty());
  EXPECT_FALSE(check("variables.n == 'x'", R"("deployments")",
                     R"(,"variables":[{"name":"n","expression":"object.spec.replicas"}])")
                   .empty());
  EXPECT_FALSE(check("params.spec.x == 'x'", R"("deployments")",
                     R"(,"paramKind":{"apiVersion":"v1","kind":"ConfigMap"})")
                   .empty());
  EXPECT_TRUE(check("params.spec.x == 'x'", R"("deployments")",
                    R"(,"paramKind":{"apiVersion":"example.com/v1","kind":"Unknown"})")
                  .empty());
}

TEST(TypeChecks, RulesWithWildcardsNameNoKinds) {
  EXPECT_TRUE(check("object.nonsense", R"("*")").empty());
  EXPECT_TRUE(check("object.nonsense", R"("pods/status")").empty());
}

}  // namespace
}  // namespace gantry::kube::admission
