// SPDX-License-Identifier: Apache-2.0
#include "kube/policy/mutating_policies.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "kube/api/test_objects.h"
#include "kube/schema/catalog.h"

namespace gantry::kube::admission {
namespace {

constexpr const char* kPolicies = "admissionregistration.k8s.io/mutatingadmissionpolicies";
constexpr const char* kBindings = "admissionregistration.k8s.io/mutatingadmissionpolicybindings";
constexpr const char* kPod =
    R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"web"},"spec":{"containers":[{"name":"app","image":"a"}]}})";

std::string apply(std::string_view expression) {
  return fmt::format(R"({{"patchType":"ApplyConfiguration","applyConfiguration":{{"expression":{}}}}})",
                     json::Tree(expression).to_text());
}
std::string patch(std::string_view expression) {
  return fmt::format(R"({{"patchType":"JSONPatch","jsonPatch":{{"expression":{}}}}})",
                     json::Tree(expression).to_text());
}

// Counts how often a chain comes by.
class Passer final : public Plugin {
 public:
  explicit Passer(int& passes) : passes_(passes) {}
  std::string_view name() const override { return "Passer"; }
  Answer<void> mutate(AdmissionRequest&) const override {
    ++passes_;
    return {};
  }

 private:
  int& passes_;
};

class MutatingPoliciesTest : public ::testing::Test {
 protected:
  // Of writes of everything in groups "" and apps; `mutations`: a list of them; `more`: of the spec.
  void put_policy(const std::string& name, std::string_view mutations, std::string_view more = "") {
    objects_.put(kPolicies, fmt::format(R"J({{"metadata":{{"name":"{}"}},"spec":{{"matchConstraints":{{
        "resourceRules":[{{"apiGroups":["","apps"],"apiVersions":["v1"],"operations":["CREATE","UPDATE"],
        "resources":["*"]}}]}},"mutations":[{}]{}}}}})J",
                                        name, mutations, more));
    put_binding(name);
  }
  void put_binding(const std::string& name, std::string_view more = "") {
    objects_.put(
        kBindings,
        fmt::format(R"J({{"metadata":{{"name":"{0}"}},"spec":{{"policyName":"{0}"{1}}}}})J", name, more));
  }

  // The message, or "".
  std::string mutate(const std::string& object, const char* plural = "pods", const char* group = "") {
    Chain chain;
    passes_ = 0;
    chain.add(std::make_unique<Passer>(passes_));
    chain.add(std::make_unique<MutatingPolicies>(objects_, *authorizer_));
    const Resource* resource = Catalog::built_in().find(group, "v1", plural);
    object_ = *json::Tree::parse(object);
    AdmissionRequest request{.user = user_,
                             .resource = *resource,
                             .kind = resource->kind,
                             .name_space = "shop",
                             .name = "web",
                             .object = &object_};
    const auto answer = chain.mutate(request);
    if (answer) return "";
    code_ = answer.error()->code;
    reason_ = answer.error()->reason;
    causes_ = answer.error()->causes.size();
    return answer.error()->message;
  }
  std::string labels() const {
    const json::Tree* labels = object_.find("metadata", "labels");
    return labels == nullptr ? "" : labels->to_text();
  }

  testing::TestObjects objects_;
  std::shared_ptr<const Authorizer> authorizer_ = always_allow();
  User user_{.name = "alice"};
  json::Tree object_;
  int passes_ = 0;
  int code_ = 0;
  std::string reason_;
  std::size_t causes_ = 0;
};

TEST_F(MutatingPoliciesTest, AnApplyConfigurationIsMergedByTheKindsSchema) {
  put_policy("sidecar", apply(R"(Object{
      metadata: Object.metadata{labels: {"mesh": "on"}},
      spec: Object.spec{initContainers: [Object.spec.initContainers{
        name: "proxy", image: "mesh/proxy", restartPolicy: "Always"}]}})"));
  EXPECT_EQ(mutate(kPod), "");
  EXPECT_EQ(labels(), R"({"mesh":"on"})");
  const json::TreeArray& proxies = object_.find("spec", "initContainers")->array();
  ASSERT_EQ(proxies.size(), 1U);
  EXPECT_EQ(proxies[0].text_at("image"), "mesh/proxy");
  EXPECT_EQ(proxies[0].text_at("terminationMessagePath"), "/dev/termination-log");  // a default
  EXPECT_EQ(object_.find("spec", "containers")->array().size(), 1U);
}

TEST_F(MutatingPoliciesTest, ElementsOfAListAreFoundByTheirKeys) {
  put_policy("image", apply(R"(Object{spec: Object.spec{containers: object.spec.containers.map(c,
      Object.spec.containers{name: c.name, image: "mirror/" + c.image})}})"));
  EXPECT_EQ(mutate(kPod), "");
  ASSERT_EQ(object_.find("spec", "containers")->array().size(), 1U);
  EXPECT_EQ(object_.find("spec", "containers")->array()[0].text_at("image"), "mirror/a");
}

TEST_F(MutatingPoliciesTest, AJsonPatchIsDoneStepByStep) {
  put_policy("label", patch(R"([
      JSONPatch{op: "test", path: "/spec/containers/0/name", value: "app"},
      JSONPatch{op: "add", path: "/metadata/labels", value: {}},
      JSONPatch{op: "add", path: "/metadata/labels/" + jsonpatch.escapeKey("example.com/by"), value: request.userInfo.username},
      JSONPatch{op: "add", path: "/spec/containers/-", value: Object.spec.containers{
          name: "log", ports: [Object.spec.containers.ports{containerPort: 8080}]}}])"));
  EXPECT_EQ(mutate(kPod), "");
  EXPECT_EQ(labels(), R"({"example.com/by":"alice"})");
  EXPECT_EQ(object_.find("spec", "containers")->array()[1].text_at("name"), "log");
}

TEST_F(MutatingPoliciesTest, APatchWhoseTestFailsLeavesTheObjectAlone) {
  put_policy("label", patch(R"([JSONPatch{op: "add", path: "/metadata/labels", value: {"a": "b"}},
                                JSONPatch{op: "test", path: "/metadata/name", value: "other"}])"));
  EXPECT_EQ(mutate(kPod), "");
  EXPECT_EQ(labels(), "");
}

TEST_F(MutatingPoliciesTest, EachMutationSeesWhatTheOneBeforeHasLeft) {
  put_policy("twice",
             patch(R"([JSONPatch{op: "add", path: "/metadata/labels", value: {"n": "1"}}])") + "," +
                 apply(R"(Object{metadata: Object.metadata{labels: {"m": variables.n + "2"}}})"),
             R"(,"variables":[{"name":"n","expression":"object.metadata.labels.n"}])");
  EXPECT_EQ(mutate(kPod), "");
  EXPECT_EQ(labels(), R"({"m":"12","n":"1"})");
}

TEST_F(MutatingPoliciesTest, ParamsComeFromObjects) {
  put_policy("params", apply(R"(Object{metadata: Object.metadata{labels: {"team": params.data.team}}})"),
             R"(,"paramKind":{"apiVersion":"v1","kind":"ConfigMap"})");
  put_binding("params", R"(,"paramRef":{"name":"teams","parameterNotFoundAction":"Deny"})");
  EXPECT_EQ(
      mutate(kPod),
      "policy 'params' with binding 'params' denied request: failed to configure binding: no params found "
      "for policy binding with `Deny` parameterNotFoundAction");
  put_binding("params", R"(,"paramRef":{"name":"teams","parameterNotFoundAction":"Allow"})");
  EXPECT_EQ(mutate(kPod), "");
  EXPECT_EQ(labels(), "");
  objects_.put("configmaps", R"({"metadata":{"name":"teams","namespace":"shop"},"data":{"team":"blue"}})");
  EXPECT_EQ(mutate(kPod), "");
  EXPECT_EQ(labels(), R"({"team":"blue"})");
}

TEST_F(MutatingPoliciesTest, WhatGoesWrongIsRefusedUnlessThePolicyIgnoresIt) {
  const std::string broken = apply("Object{metadata: Object.metadata{labels: {'a': object.none}}}");
  put_policy("broken", broken);
  EXPECT_TRUE(mutate(kPod).starts_with("policy 'broken' with binding 'broken' denied request: expression "))
      << mutate(kPod);
  EXPECT_EQ(code_, 403);
  EXPECT_EQ(reason_, "Invalid");
  EXPECT_EQ(causes_, 1U);
  put_policy("broken", broken, R"(,"failurePolicy":"Ignore")");
  put_policy("label", apply("Object{metadata: Object.metadata{labels: {'a': 'b'}}}"));
  EXPECT_EQ(mutate(kPod), "");
  EXPECT_EQ(labels(), R"({"a":"b"})");
}

TEST_F(MutatingPoliciesTest, WhatAnApplyConfigurationMayNotSayIsTold) {
  const std::pair<const char*, const char*> cases[] = {
      {"Object{spec: Object.spec{replicasx: 1}}",
       "error applying patch: failed to convert patch object to typed object: Deployment in version "
       "\"v1\" cannot be handled as a Deployment: strict decoding error: unknown field \"spec.replicasx\""},
      {"Object{spec: Object.spec{selector: Object.spec.selector{matchLabels: {'a': 'b'}}}}",
       "error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: "
       ".spec.selector"},
      {"Object{spec: Object.specx{replicas: 1}}",
       "type mismatch: unexpected type name \"Object.specx\", expected \"Object.spec\", which matches field "
       "name path from root Object type"},
  };
  for (const auto& [expression, why] : cases) {
    put_policy("p", apply(expression));
    EXPECT_EQ(mutate(R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web"}})",
                     "deployments", "apps"),
              fmt::format("policy 'p' with binding 'p' denied request: {}", why));
  }
}

TEST_F(MutatingPoliciesTest, AnObjectThatAPatchBreaksIsAnError) {
  put_policy("p", patch(R"([JSONPatch{op: "add", path: "/spec/nonsense", value: 1}])"),
             R"(,"failurePolicy":"Ignore")");
  EXPECT_EQ(mutate(kPod),
            "Internal error occurred: Pod in version \"v1\" cannot be handled as a Pod: strict decoding "
            "error: unknown field \"spec.nonsense\"");
  EXPECT_EQ(code_, 500);
  put_policy("p", patch(R"([JSONPatch{op: "remove", path: "/spec/nonsense"}])"));
  EXPECT_EQ(mutate(kPod),
            "policy 'p' with binding 'p' denied request: JSON Patch: remove operation does not apply: path "
            "\"/spec/nonsense\": missing key");
}

TEST_F(MutatingPoliciesTest, ConditionsAreJudgedWhenItsTurnComes) {
  const char* label = "Object{metadata: Object.metadata{labels: {'b': '1'}}}";
  put_policy("a", apply("Object{metadata: Object.metadata{labels: {'a': '1'}}}"));
  put_policy("b", apply(label),
             R"J(,"matchConditions":[{"name":"c","expression":"has(object.metadata.labels.a)"}])J");
  EXPECT_EQ(mutate(kPod), "");
  EXPECT_EQ(labels(), R"({"a":"1","b":"1"})");
  // What comes to pass after it does not count.
  put_policy("z", apply("Object{metadata: Object.metadata{labels: {'z': '1'}}}"));
  put_policy("b", apply(label),
             R"J(,"matchConditions":[{"name":"c","expression":"has(object.metadata.labels.z)"}])J");
  EXPECT_EQ(mutate(kPod), "");
  EXPECT_EQ(labels(), R"({"a":"1","z":"1"})");
}

TEST_F(MutatingPoliciesTest, AfterAChangeTheChainPassesAgainForThoseWhoAskedForIt) {
  const char* count = R"(Object{metadata: Object.metadata{labels: {
      "n": string(int(object.?metadata.labels.n.orValue("0")) + 1)}}})";
  put_policy("a", apply(count));
  EXPECT_EQ(mutate(kPod), "");
  EXPECT_EQ(passes_, 2);
  EXPECT_EQ(labels(), R"({"n":"1"})");
  put_policy("a", apply(count), R"(,"reinvocationPolicy":"IfNeeded")");
  EXPECT_EQ(mutate(kPod), "");
  EXPECT_EQ(labels(), R"({"n":"1"})");  // nobody came after it
  put_policy("b", apply("Object{metadata: Object.metadata{labels: {'b': '1'}}}"));
  EXPECT_EQ(mutate(kPod), "");
  EXPECT_EQ(labels(), R"({"b":"1","n":"2"})");
  EXPECT_EQ(passes_, 2);
}

TEST_F(MutatingPoliciesTest, WithoutAChangeThereIsOnePass) {
  put_policy("a", apply("Object{}"));
  EXPECT_EQ(mutate(R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"web"}})", "configmaps"), "");
  EXPECT_EQ(passes_, 1);
}

TEST_F(MutatingPoliciesTest, CostIsBounded) {
  put_policy("p", patch(R"([JSONPatch{op: "add", path: "/metadata/labels/x", value: lists.range(100).map(a,
      lists.range(100).map(b, lists.range(100).map(c, c)))}])"));
  EXPECT_NE(mutate(kPod), "");
}

TEST_F(MutatingPoliciesTest, APolicyThatDoesNotCompileIsRefused) {
  const MutatingPolicies policies(objects_, *authorizer_);
  const Resource* resource =
      Catalog::built_in().find("admissionregistration.k8s.io", "v1", "mutatingadmissionpolicies");
  ASSERT_NE(resource, nullptr);
  json::Tree policy = *json::Tree::parse(fmt::format(
      R"J({{"spec":{{"mutations":[{},{},{}],"variables":[{{"name":"o","expression":"Object{{}}"}}]}}}})J",
      apply("'text'"), patch("[]"), apply("Object.spec.metadata{}")));
  AdmissionRequest request{
      .user = user_, .resource = *resource, .kind = resource->kind, .name = "p", .object = &policy};
  const auto answer = policies.validate(request);
  ASSERT_FALSE(answer);
  ASSERT_EQ(answer.error()->causes.size(), 4U);
  EXPECT_EQ(answer.error()->causes[0].field, "spec.variables[0].expression");
  EXPECT_EQ(answer.error()->causes[1].field, "spec.mutations[0].applyConfiguration.expression");
  EXPECT_EQ(answer.error()->causes[1].message,
            "Invalid value: \"'text'\": must evaluate to Object but got string");
  EXPECT_EQ(answer.error()->causes[2].message,
            "Invalid value: \"[]\": must evaluate to list(JSONPatch) but got list(dyn)");
  EXPECT_EQ(
      answer.error()->causes[3].message,
      "Invalid value: \"Object.spec.metadata{}\": must evaluate to Object but got Object.spec.metadata");
}

}  // namespace
}  // namespace gantry::kube::admission
