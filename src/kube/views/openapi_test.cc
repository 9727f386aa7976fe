// SPDX-License-Identifier: Apache-2.0
#include "kube/views/openapi.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "kube/schema/catalog.h"
#include "kube/schema/custom_schema.h"
#include "kube/views/gnostic.h"
#include "kube/views/gzip.h"
#include "kube/views/value_access.h"
#include "testing/must.h"

namespace gantry::kube::views {
namespace {

const OpenApi& built_in() {
  static const OpenApi openapi = [] {
    std::vector<const Resource*> resources;
    for (const Resource& resource : Catalog::built_in().resources()) resources.push_back(&resource);
    return OpenApi(std::move(resources));
  }();
  return openapi;
}

json::Document read(const Page& page) {
  return MUST(json::Document::parse(MUST(plain_openapi(page)), {.bytes = 64 << 20}));
}

// Every "$ref" in it leads to something.
void expect_references(const json::Value& value, const json::Value& definitions, std::string_view prefix) {
  if (const auto reference = value.find("$ref"); reference && reference->kind() == json::Kind::String) {
    ASSERT_TRUE(reference->as_string().starts_with(prefix)) << reference->as_string();
    EXPECT_TRUE(definitions.find(reference->as_string().substr(prefix.size()))) << reference->as_string();
  }
  for (std::size_t i = 0; i < value.size(); ++i) expect_references(value.at(i), definitions, prefix);
}

TEST(OpenApi, of_version_2_describes_every_kind) {
  const json::Document document = read(built_in().v2_json());
  const json::Value root = document.root();
  const auto pod = at(root, "definitions", "io.k8s.api.core.v1.Pod");
  ASSERT_TRUE(pod);
  EXPECT_EQ(at(*pod, "x-kubernetes-group-version-kind")->to_text(),
            R"([{"group":"","kind":"Pod","version":"v1"}])");
  EXPECT_EQ(text_at(*pod, "properties", "spec", "$ref"), "#/definitions/io.k8s.api.core.v1.PodSpec");
  const auto containers = at(root, "definitions", "io.k8s.api.core.v1.PodSpec", "properties", "containers");
  EXPECT_EQ(text_at(*containers, "x-kubernetes-patch-merge-key"), "name");
  EXPECT_EQ(text_at(*containers, "x-kubernetes-list-type"), "map");
  expect_references(root, *at(root, "definitions"), "#/definitions/");
}

TEST(OpenApi, of_version_3_has_a_document_for_each_version) {
  const Page index = built_in().v3_index();
  const json::Document paths = MUST(json::Document::parse(std::string(index.body.view())));
  EXPECT_TRUE(text_at(paths.root(), "paths", "apis/apps/v1", "serverRelativeURL")
                  .starts_with("/openapi/v3/apis/apps/v1?hash="));
  for (std::size_t i = 0; i < at(paths.root(), "paths")->size(); ++i) {
    const json::Document document = read(*built_in().v3(at(paths.root(), "paths")->key(i)));
    expect_references(document.root(), *at(document.root(), "components", "schemas"),
                      "#/components/schemas/");
  }
  EXPECT_FALSE(built_in().v3("apis/apps/v7"));
}

TEST(OpenApi, tells_how_to_patch) {
  const json::Document document = read(*built_in().v3("apis/apps/v1"));
  const auto patch =
      at(document.root(), "paths", "/apis/apps/v1/namespaces/{namespace}/deployments/{name}", "patch");
  ASSERT_TRUE(patch);
  EXPECT_EQ(text_at(*patch, "operationId"), "patchAppsV1NamespacedDeployment");
  EXPECT_TRUE(at(*patch, "requestBody", "content", "application/strategic-merge-patch+json"));
  EXPECT_NE(at(*patch, "parameters")->to_text().find(R"({"name":"fieldValidation","in":"query")"),
            std::string::npos);
}

TEST(OpenApi, describes_custom_resources_as_their_definitions_do) {
  const CustomSchema schema(
      MUST(json::Tree::parse(
          R"({"type":"object","properties":{"spec":{"type":"object","required":["size"],)"
          R"("properties":{"size":{"type":"integer","minimum":1,"description":"How large."},)"
          R"("port":{"x-kubernetes-int-or-string":true},)"
          R"("color":{"type":"string","enum":["red"],"pattern":"^r"}},)"
          R"("x-kubernetes-validations":[{"rule":"self.size < 9"}]}}})")),
      {"example.com", "v1", "Widget"});
  const Resource widgets{.kind = {"example.com", "v1", "Widget"},
                         .plural = "widgets",
                         .list_kind = "WidgetList",
                         .is_namespaced = true,
                         .type = &schema.type()};
  const json::Document document = read(*OpenApi({&widgets}).v3("apis/example.com/v1"));
  const auto spec =
      at(document.root(), "components", "schemas", "com.example.v1.Widget", "properties", "spec");
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->to_text(),
            R"({"type":"object","x-kubernetes-validations":[{"rule":"self.size < 9"}],"required":["size"],)"
            R"("properties":{"color":{"type":"string","pattern":"^r","enum":["red"]},)"
            R"("port":{"x-kubernetes-int-or-string":true},)"
            R"("size":{"description":"How large.","type":"integer","minimum":1}}})");
  EXPECT_TRUE(at(document.root(), "components", "schemas", "com.example.v1.WidgetList"));
}

TEST(OpenApi, is_compressed_and_small) {
  EXPECT_LT(built_in().v2_json().body.size(), 256U << 10);
  EXPECT_LT(built_in().v2_protobuf().body.size(), 256U << 10);
  EXPECT_EQ(built_in().v2_json().etag, built_in().v2_json().etag);
}

TEST(Gnostic, lays_a_document_out_by_numbers) {
  using namespace std::literals;
  EXPECT_EQ(gnostic_document(R"({"swagger":"2.0","info":{"title":"K","version":"v"},)"
                             R"("paths":{"/a":{"get":{"operationId":"o"}}},)"
                             R"("definitions":{"D":{"type":"string"}}})"),
            "\x0A\x03"
            "2.0\x12\x06\x0A\x01K\x12\x01v"
            "\x42\x0F\x12\x0D\x0A\x02/a\x12\x07\x12\x05\x2A\x01o\x4A\x00"
            "\x4A\x12\x0A\x10\x0A\x01"
            "D\x12\x0B\xB2\x01\x08\x0A\x06string"s);
}

TEST(Gzip, comes_back_as_it_was) {
  const std::string text(100'000, 'x');
  const std::string small = gzip(text);
  EXPECT_LT(small.size(), 1000U);
  EXPECT_EQ(MUST(gunzip(small, text.size())), text);
  EXPECT_EQ(gunzip(small, 10).error().code(), Code::DataLoss);
  EXPECT_EQ(gunzip(small.substr(0, 50), text.size()).error().code(), Code::DataLoss);
}

}  // namespace
}  // namespace gantry::kube::views
