// SPDX-License-Identifier: Apache-2.0
//
// Patches and managed fields with the types that the server has: what they say of lists is what people rely
// on.
#include <gtest/gtest.h>

#include "kube/patch/apply.h"
#include "kube/patch/strategic_patch.h"
#include "kube/schema/catalog.h"

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
  track_update(type_of("apps", "deployments"), nullptr, object,
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

}  // namespace
}  // namespace gantry::kube
