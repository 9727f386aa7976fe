// SPDX-License-Identifier: Apache-2.0
//
// Patches and managed fields with the types that the server has: what they say of lists is what people rely
// on.
#include <gtest/gtest.h>

#include "kube/patch/apply.h"
#include "kube/patch/strategic_patch.h"
#include "kube/patch/typed_fields.h"
#include "kube/schema/catalog.h"
#include "kube/schema/versions.h"

namespace gantry::kube {
namespace {

const Type& type_of(const char* group, const char* plural) {
  return *Catalog::built_in().find(group, "v1", plural)->type;
}

json::Tree tree(std::string text) {
  auto parsed = json::Tree::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? std::move(*parsed) : json::Tree();
}

TEST(BuiltInTypes, ADeploymentsFieldsAreWrittenAsKubernetesDoes) {
  json::Tree object = tree(
      R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","namespace":"default","labels":{"app":"web"}},)"
      R"("spec":{"replicas":2,"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},)"
      R"("spec":{"containers":[{"name":"web","image":"nginx","env":[{"name":"A","value":"b"}],"ports":[{"containerPort":80,"protocol":"TCP"}]}]}}}})");
  (void)track_update(type_of("apps", "deployments"), nullptr, object,
                     {.name = "kubectl-create",
                      .api_version = "apps/v1",
                      .subresource = "",
                      .time = "2026-11-21T10:00:00Z",
                      .without = {"status"}});
  EXPECT_EQ(
      object.find("metadata", "managedFields")->array().front().find("fieldsV1")->to_text(),
      R"({"f:metadata":{"f:labels":{".":{},"f:app":{}}},"f:spec":{"f:replicas":{},"f:selector":{},)"
      R"("f:template":{"f:metadata":{"f:labels":{".":{},"f:app":{}}},"f:spec":{"f:containers":{"k:{\"name\":\"web\"}":)"
      R"({".":{},"f:env":{"k:{\"name\":\"A\"}":{".":{},"f:name":{},"f:value":{}}},"f:image":{},"f:name":{},)"
      R"("f:ports":{"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{".":{},"f:containerPort":{},"f:protocol":{}}}}}}}}})");
}

TEST(BuiltInTypes, SomeFieldsAreSetAsAWhole) {
  const Type& deployments = type_of("apps", "deployments");
  EXPECT_EQ(
      atomic_places(deployments, tree(R"({"spec":{"selector":{"matchLabels":{"a":"b"}},"replicas":1}})")),
      std::vector<std::string>{".spec.selector"});
  EXPECT_EQ(
      atomic_places(type_of("", "pods"),
                    tree(R"({"spec":{"containers":[{"name":"a","args":["x"]}],"nodeSelector":{"a":"b"}}})")),
      (std::vector<std::string>{".spec.containers[0].args", ".spec.nodeSelector"}));
  EXPECT_TRUE(
      atomic_places(type_of("", "pods"), tree(R"({"metadata":{"labels":{"a":"b"},"finalizers":["x"]}})"))
          .empty());
}

TEST(BuiltInTypes, PortsOfAServiceAreToldApartByProtocol) {
  const Type& services = type_of("", "services");
  const FieldManager me{.name = "me",
                        .api_version = "v1",
                        .subresource = "",
                        .time = "2026-11-21T10:00:00Z",
                        .without = {"status"}};
  const auto service = [](std::string ports) {
    return tree(R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"dns"},"spec":{"ports":[)" + ports +
                "]}}");
  };
  const auto live =
      apply(services, nullptr,
            service(R"({"name":"a","port":53,"protocol":"UDP"},{"name":"b","port":53,"protocol":"TCP"})"), me,
            OnConflict::Refuse);
  ASSERT_TRUE(live);
  const auto next = apply(services, &**live, service(R"({"name":"b","port":53})"), me, OnConflict::Refuse);
  ASSERT_TRUE(next);
  // TCP is the default of what is not said.
  EXPECT_EQ((*next)->find("spec", "ports")->to_text(), R"([{"name":"b","port":53,"protocol":"TCP"}])");
}

TEST(BuiltInTypes, StrategicPatchesMergeByTheirKeys) {
  const auto patched = apply_strategic_patch(
      tree(
          R"({"spec":{"template":{"spec":{"containers":[{"name":"web","image":"1"}],"volumes":[{"name":"v","emptyDir":{}}]}}}})"),
      tree(
          R"({"spec":{"template":{"spec":{"containers":[{"name":"web","image":"2"}],"volumes":[{"name":"v","$retainKeys":["name","secret"],"secret":{"secretName":"s"}}]}}}})"),
      type_of("apps", "deployments"));
  ASSERT_TRUE(patched);
  EXPECT_EQ(
      patched->find("spec", "template", "spec")->to_text(),
      R"({"containers":[{"image":"2","name":"web"}],"volumes":[{"name":"v","secret":{"secretName":"s"}}]})");
}

// Autoscalers of autoscaling/v1 and v2, which say the same with other fields.
class Autoscalers : public ::testing::Test {
 protected:
  static FieldManager manager(std::string name, const char* version) {
    return {.name = std::move(name),
            .api_version = version,
            .subresource = "",
            .time = "2026-11-21T10:00:00Z",
            .without = {"status"}};
  }
  static json::Tree autoscaler(const char* version, const std::string& spec) {
    return tree(std::string(R"({"apiVersion":")") + version +
                R"(","kind":"HorizontalPodAutoscaler","metadata":{"name":"web"},"spec":{)" + spec + "}}");
  }
  // The message of what was refused.
  std::string apply_as(const char* name, const char* version, const std::string& spec,
                       OnConflict on_conflict = OnConflict::Refuse) {
    const Resource& resource = *Catalog::built_in().find(
        "autoscaling", version + std::string_view("autoscaling/").size(), "horizontalpodautoscalers");
    std::optional<json::Tree> live;
    if (!live_.is_null()) live = convert(*resource.versions, live_, version).value();
    auto applied = apply(*resource.type, live ? &*live : nullptr, autoscaler(version, spec),
                         manager(name, version), on_conflict, resource.versions.get());
    if (!applied) return applied.error()->message;
    if (*applied) live_ = **applied;
    return "";
  }
  std::string spec_in_v2() const {
    const Resource& v2 = *Catalog::built_in().find("autoscaling", "v2", "horizontalpodautoscalers");
    return convert(*v2.versions, live_, "autoscaling/v2").value().find("spec")->to_text();
  }

  json::Tree live_;
};

constexpr const char* kV1 = "autoscaling/v1";
constexpr const char* kV2 = "autoscaling/v2";
const char* const kMetrics =
    R"("metrics":[{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":50}}}])";

TEST_F(Autoscalers, WhoAppliesInAnotherVersionTakesBackWhatHeSaidInTheFirst) {
  ASSERT_EQ(apply_as("me", kV1, R"("maxReplicas":3,"minReplicas":2,"targetCPUUtilizationPercentage":70)"),
            "");
  ASSERT_EQ(apply_as("me", kV2, R"("maxReplicas":3)"), "");
  EXPECT_EQ(spec_in_v2(), R"({"maxReplicas":3})");
}

TEST_F(Autoscalers, FieldsOfAnotherVersionAreHeldByTheirOwner) {
  ASSERT_EQ(apply_as("one", kV1, R"("maxReplicas":3,"targetCPUUtilizationPercentage":70)"), "");
  EXPECT_EQ(apply_as("two", kV2, R"("maxReplicas":4)"),
            "Apply failed with 1 conflict: conflict with \"one\": .spec.maxReplicas");
  EXPECT_EQ(apply_as("two", kV2, std::string(R"("maxReplicas":3,)") + kMetrics),
            "Apply failed with 1 conflict: conflict with \"one\": .spec.targetCPUUtilizationPercentage");
  ASSERT_EQ(apply_as("two", kV2, std::string(R"("maxReplicas":3,)") + kMetrics, OnConflict::Force), "");
  // What he does not hold any more, he does not take away.
  ASSERT_EQ(apply_as("one", kV1, R"("maxReplicas":3)"), "");
  EXPECT_NE(spec_in_v2().find("\"averageUtilization\":50"), std::string::npos);
}

TEST_F(Autoscalers, UpdatesAreSeenInEveryVersion) {
  ASSERT_EQ(apply_as("one", kV1, R"("maxReplicas":3,"targetCPUUtilizationPercentage":70)"), "");
  const Resource& v2 = *Catalog::built_in().find("autoscaling", "v2", "horizontalpodautoscalers");
  const json::Tree before = convert(*v2.versions, live_, kV2).value();
  json::Tree after = before;
  after.object()["spec"].object().erase("metrics");
  ASSERT_TRUE(track_update(*v2.type, &before, after, manager("two", kV2), v2.versions.get()));
  EXPECT_EQ(after.find("metadata", "managedFields")->array().front().find("fieldsV1")->to_text(),
            R"({"f:spec":{"f:maxReplicas":{}}})");
}

}  // namespace
}  // namespace gantry::kube
