// SPDX-License-Identifier: Apache-2.0
#include "kube/policy/validating_policies.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "kube/api/test_objects.h"
#include "kube/schema/catalog.h"

namespace gantry::kube::admission {
namespace {

constexpr const char* kPolicies = "admissionregistration.k8s.io/validatingadmissionpolicies";
constexpr const char* kBindings = "admissionregistration.k8s.io/validatingadmissionpolicybindings";

class ValidatingPoliciesTest : public ::testing::Test {
 protected:
  // `spec` is what a policy says beside its rules, which are about writes of config maps.
  void put_policy(std::string_view spec) {
    objects_.put(kPolicies,
                 fmt::format(R"J({{"metadata":{{"name":"p"}},"spec":{{"matchConstraints":{{"resourceRules":[
        {{"apiGroups":[""],"apiVersions":["v1"],"operations":["CREATE","UPDATE"],"resources":["configmaps"]}}]}},{}}}}})J",
                             spec));
  }
  void put_binding(std::string_view spec = R"J("validationActions":["Deny"])J") {
    objects_.put(kBindings,
                 fmt::format(R"J({{"metadata":{{"name":"b"}},"spec":{{"policyName":"p",{}}}}})J", spec));
  }

  // The message, or "".
  std::string judge(const std::string& object, Operation operation = Operation::Create,
                    const char* plural = "configmaps") {
    const ValidatingPolicies policies(objects_, *authorizer_);
    const Resource* resource = Catalog::built_in().find("", "v1", plural);
    json::Tree tree = *json::Tree::parse(object);
    AdmissionRequest request{.user = user_,
                             .operation = operation,
                             .resource = *resource,
                             .kind = resource->kind,
                             .name_space = "web",
                             .name = "c",
                             .object = &tree};
    const auto answer = policies.validate(request);
    warnings_ = request.warnings;
    annotations_ = request.audit_annotations;
    if (answer) return "";
    code_ = answer.error()->code;
    reason_ = answer.error()->reason;
    return answer.error()->message;
  }

  testing::TestObjects objects_;
  std::shared_ptr<const Authorizer> authorizer_ = always_deny();
  User user_{.name = "alice", .groups = {"ops"}};
  std::vector<std::string> warnings_;
  std::map<std::string, std::string> annotations_;
  int code_ = 0;
  std::string reason_;
};

TEST_F(ValidatingPoliciesTest, WhatAnExpressionRefusesIsForbidden) {
  put_policy(R"J("validations":[{"expression":"object.data.size == 'small'"}])J");
  EXPECT_EQ(judge(R"({"data":{"size":"large"}})"), "");  // nothing binds it
  put_binding();
  EXPECT_EQ(judge(R"({"data":{"size":"small"}})"), "");
  EXPECT_EQ(
      judge(R"({"data":{"size":"large"}})"),
      "configmaps \"c\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: failed "
      "expression: object.data.size == 'small'");
  EXPECT_EQ(code_, 422);
  EXPECT_EQ(reason_, "Invalid");
}

TEST_F(ValidatingPoliciesTest, MessagesAndReasonsAreThePolicys) {
  put_policy(
      R"J("validations":[{"expression":"false","messageExpression":"'no ' + object.data.size","reason":"Forbidden"}])J");
  put_binding();
  EXPECT_TRUE(judge(R"({"data":{"size":"large"}})").ends_with("denied request: no large"));
  EXPECT_EQ(code_, 403);
}

TEST_F(ValidatingPoliciesTest, ErrorsDenyUnlessThePolicySaysToIgnoreThem) {
  put_binding();
  put_policy(R"J("validations":[{"expression":"object.data.size == 'small'"}])J");
  EXPECT_TRUE(
      judge("{}").ends_with("expression 'object.data.size == 'small'' resulted in error: no such key: data"));
  put_policy(R"J("failurePolicy":"Ignore","validations":[{"expression":"object.data.size == 'small'"}])J");
  EXPECT_EQ(judge("{}"), "");
}

TEST_F(ValidatingPoliciesTest, OnlyWhatItsRulesAndConditionsSay) {
  put_binding();
  put_policy(R"J("matchConditions":[{"name":"not-ops","expression":"!('ops' in request.userInfo.groups)"}],
                 "validations":[{"expression":"false"}])J");
  EXPECT_EQ(judge("{}"), "");
  user_.groups.clear();
  user_.groups.push_back("others");
  EXPECT_NE(judge("{}"), "");
  EXPECT_EQ(judge("{}", Operation::Delete), "");
  EXPECT_EQ(judge("{}", Operation::Create, "secrets"), "");
}

TEST_F(ValidatingPoliciesTest, BindingsNarrowByLabelsOfNamespaces) {
  put_policy(R"J("validations":[{"expression":"false"}])J");
  put_binding(
      R"J("validationActions":["Deny"],"matchResources":{"namespaceSelector":{"matchLabels":{"env":"prod"}}})J");
  objects_.put("namespaces", R"({"metadata":{"name":"web","labels":{"env":"test"}}})");
  EXPECT_EQ(judge("{}"), "");
  objects_.put("namespaces", R"({"metadata":{"name":"web","labels":{"env":"prod"}}})");
  EXPECT_NE(judge("{}"), "");
}

TEST_F(ValidatingPoliciesTest, VariablesAreKnownByName) {
  put_binding();
  put_policy(R"J("variables":[{"name":"size","expression":"object.data.size"},
                              {"name":"isSmall","expression":"variables.size == 'small'"}],
                 "validations":[{"expression":"variables.isSmall","message":"not small"}])J");
  EXPECT_EQ(judge(R"({"data":{"size":"small"}})"), "");
  EXPECT_TRUE(judge(R"({"data":{"size":"large"}})").ends_with("not small"));
}

TEST_F(ValidatingPoliciesTest, ALongChainOfVariablesIsNoDeepRecursion) {
  put_binding();
  std::string variables = R"({"name":"v0","expression":"1"})";
  for (int i = 1; i < 1'000; ++i)
    variables += fmt::format(R"(,{{"name":"v{}","expression":"variables.v{} + 1"}})", i, i - 1);
  put_policy(fmt::format(R"("variables":[{}],"validations":[{{"expression":"variables.v999 == 1000"}}])",
                         variables));
  EXPECT_EQ(judge("{}"), "");
}

TEST_F(ValidatingPoliciesTest, ParamsComeFromObjects) {
  put_policy(R"J("paramKind":{"apiVersion":"v1","kind":"ConfigMap"},
                 "validations":[{"expression":"int(object.data.n) <= int(params.data.max)"}])J");
  put_binding(
      R"J("validationActions":["Deny"],"paramRef":{"name":"limits","namespace":"system","parameterNotFoundAction":"Deny"})J");
  EXPECT_TRUE(judge(R"({"data":{"n":"1"}})")
                  .ends_with("failed to configure binding: no params found for policy binding with `Deny` "
                             "parameterNotFoundAction"));
  objects_.put("configmaps", R"({"metadata":{"name":"limits","namespace":"system"},"data":{"max":"3"}})");
  EXPECT_EQ(judge(R"({"data":{"n":"1"}})"), "");
  EXPECT_NE(judge(R"({"data":{"n":"5"}})"), "");
}

TEST_F(ValidatingPoliciesTest, WarningsAndAnnotationsAreLeftInTheRequest) {
  put_policy(R"J("validations":[{"expression":"false","message":"careful"}],
                 "auditAnnotations":[{"key":"who","valueExpression":"'by ' + request.userInfo.username"}])J");
  put_binding(R"J("validationActions":["Warn","Audit"])J");
  EXPECT_EQ(judge("{}"), "");
  ASSERT_EQ(warnings_.size(), 1U);
  EXPECT_EQ(warnings_[0], "Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': careful");
  EXPECT_EQ(annotations_["p/who"], "by alice");
  EXPECT_EQ(annotations_["validation.policy.admission.k8s.io/validation_failure"],
            "[{\"binding\":\"b\",\"expressionIndex\":0,\"message\":\"careful\",\"policy\":\"p\","
            "\"validationActions\":"
            "[\"Warn\",\"Audit\"]}]");
}

TEST_F(ValidatingPoliciesTest, ExpressionsMayAskWhatTheUserMayDo) {
  put_policy(
      R"J("validations":[{"expression":"authorizer.group('').resource('configmaps').namespace('web').check('create').allowed()"},
                                {"expression":"authorizer.requestResource.check('create').allowed()"}])J");
  put_binding();
  EXPECT_NE(judge("{}"), "");
  authorizer_ = always_allow();
  EXPECT_EQ(judge("{}"), "");
}

TEST_F(ValidatingPoliciesTest, APolicyThatDoesNotCompileIsRefused) {
  const ValidatingPolicies policies(objects_, *authorizer_);
  const Resource* resource =
      Catalog::built_in().find("admissionregistration.k8s.io", "v1", "validatingadmissionpolicies");
  ASSERT_NE(resource, nullptr);
  json::Tree policy =
      *json::Tree::parse(R"J({"spec":{"validations":[{"expression":"objekt.x"},{"expression":"1"}]}})J");
  AdmissionRequest request{
      .user = user_, .resource = *resource, .kind = resource->kind, .name = "p", .object = &policy};
  const auto answer = policies.validate(request);
  ASSERT_FALSE(answer);
  ASSERT_EQ(answer.error()->causes.size(), 2U);
  EXPECT_EQ(answer.error()->causes[0].field, "spec.validations[0].expression");
  EXPECT_EQ(answer.error()->causes[1].message, "Invalid value: \"1\": must evaluate to bool");
}

}  // namespace
}  // namespace gantry::kube::admission
