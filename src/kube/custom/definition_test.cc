// SPDX-License-Identifier: Apache-2.0
#include "kube/custom/definition.h"

#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::kube::custom {
namespace {

json::Tree definition(const std::string& more_of_v1 = "") {
  return MUST(json::Tree::parse(R"({"spec":{"group":"stable.example.com","scope":"Namespaced","names":{
    "plural":"crontabs","singular":"crontab","kind":"CronTab","listKind":"CronTabList","shortNames":["ct"],
    "categories":["all"]},"versions":[
      {"name":"v1","served":true,"storage":true,)" +
                                more_of_v1 + R"("schema":{"openAPIV3Schema":{"type":"object",
        "properties":{"spec":{"type":"object","properties":{"replicas":{"type":"integer"},"color":{"type":"string"},
          "deep":{"type":"object"}}}}}}},
      {"name":"v1beta1","served":true,"storage":false,"deprecated":true,"schema":{"openAPIV3Schema":{"type":"object"}}},
      {"name":"v1alpha1","served":false,"storage":false,"schema":{"openAPIV3Schema":{"type":"object"}}}]}})"));
}

std::string faults(const std::string& more_of_v1) {
  std::string text;
  for (const Cause& cause : check_versions(definition(more_of_v1)))
    text += fmt::format("{}{}: {}", text.empty() ? "" : "\n", cause.field, cause.message);
  return text;
}

TEST(Definition, MakesAResourceOfEachVersion) {
  const std::vector<CustomVersion> versions = versions_of(definition(
      R"("subresources":{"status":{},"scale":{"specReplicasPath":".spec.replicas","statusReplicasPath":".status.n"}},
         "additionalPrinterColumns":[{"name":"Color","type":"string","jsonPath":".spec.color","priority":1}],
         "selectableFields":[{"jsonPath":".spec.color"}],)"));
  ASSERT_EQ(versions.size(), 3U);
  EXPECT_TRUE(versions[1].is_served);
  EXPECT_FALSE(versions[2].is_served);
  const Resource& v1 = versions[0].resource;
  EXPECT_EQ(v1.kind, (GroupVersionKind{"stable.example.com", "v1", "CronTab"}));
  EXPECT_EQ(v1.plural, "crontabs");
  EXPECT_TRUE(v1.is_namespaced);
  EXPECT_EQ(v1.stored_as, "stable.example.com/crontabs");
  EXPECT_EQ(v1.type->name, "com.example.stable.v1.CronTab");
  EXPECT_NE(v1.find_subresource("status"), nullptr);
  EXPECT_EQ(v1.find_subresource("scale")->kind.kind, "Scale");
  EXPECT_EQ(v1.scale.spec_replicas, ".spec.replicas");
  ASSERT_EQ(v1.columns.size(), 2U);
  EXPECT_EQ(v1.columns[1].value, ".spec.color");
  EXPECT_EQ(v1.columns[1].priority, 1);
  EXPECT_EQ(v1.selectable_fields, std::vector<std::string>{"spec.color"});
  EXPECT_EQ(versions[1].resource.stored_kind.version, "v1");
  EXPECT_EQ(versions[1].resource.deprecation_warning, "stable.example.com/v1beta1 CronTab is deprecated");
  EXPECT_TRUE(versions[1].resource.columns.empty());
}

TEST(Definition, ThatIsFineHasNoFaults) { EXPECT_EQ(faults(""), ""); }

TEST(Definition, FaultsAreNamedWithTheirPlace) {
  EXPECT_EQ(faults(R"("additionalPrinterColumns":[{"name":"a","type":"text","jsonPath":"x"}],)"),
            "spec.versions[0].additionalPrinterColumns[0].type: Invalid value: \"text\": must be one of "
            "boolean,date,integer,number,string\n"
            "spec.versions[0].additionalPrinterColumns[0].jsonPath: Invalid value: \"x\": must be a simple "
            "json path "
            "starting with .");
  EXPECT_EQ(faults(R"("subresources":{"scale":{"specReplicasPath":".status.n"}},)"),
            "spec.versions[0].subresources.scale.specReplicasPath: Invalid value: \".status.n\": should be a "
            "json path "
            "under .spec\n"
            "spec.versions[0].subresources.scale.statusReplicasPath: Required value");
  EXPECT_EQ(faults(R"("selectableFields":[{"jsonPath":".spec.deep"}],)"),
            "spec.versions[0].selectableFields[0].jsonPath: Invalid value: \".spec.deep\": must point to a "
            "field of "
            "type string, boolean or integer. Enum string fields and strings with formats are allowed.");
  EXPECT_NE(faults(R"("selectableFields":[{"jsonPath":".spec.none"}],)"), "");
}

}  // namespace
}  // namespace gantry::kube::custom
