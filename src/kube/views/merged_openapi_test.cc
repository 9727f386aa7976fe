// SPDX-License-Identifier: Apache-2.0
#include "kube/views/merged_openapi.h"

#include <gtest/gtest.h>

#include "base/json_tree.h"
#include "testing/must.h"

namespace gantry::kube::views {
namespace {

constexpr const char* kOwn = R"({"swagger":"2.0","info":{"title":"Kubernetes"},
  "paths":{"/api/v1/pods":{"get":{"schema":{"$ref":"#/definitions/Pod"}}}},
  "definitions":{"Pod":{"type":"object"},"Meta":{"type":"object","description":"ours"}}})";

ForeignVersion far(std::string document) {
  return {.group = "far.example.com",
          .version = "v1",
          .openapi_v2 = std::make_shared<const std::string>(std::move(document))};
}

json::Tree merged(const std::vector<ForeignVersion>& others) {
  return MUST(json::Tree::parse(merge_openapi(kOwn, others)));
}

TEST(MergedOpenApi, HasTheOthersPathsAndWhatTheyReferTo) {
  const json::Tree document = merged({far(R"({"swagger":"2.0",
    "paths":{"/apis/far.example.com/v1/things":{"parameters":[{"$ref":"#/parameters/limit"}],
                                                "get":{"schema":{"$ref":"#/definitions/Thing"}}},
             "/apis/far.example.com/v10/things":{},"/api/v1/pods":{"get":{}},"/version":{}},
    "parameters":{"limit":{"in":"query"},"unused":{}},
    "definitions":{"Thing":{"properties":{"meta":{"$ref":"#/definitions/Meta"},"self":{"$ref":"#/definitions/Thing"}}},
                   "Meta":{"type":"object","description":"theirs"},"Unused":{}}})")});
  EXPECT_EQ(document.text_at("info", "title"), "Kubernetes");
  EXPECT_EQ(document.find("paths")->object().size(), 2U);
  EXPECT_NE(document.find("paths", "/apis/far.example.com/v1/things"), nullptr);
  EXPECT_EQ(document.text_at("paths", "/api/v1/pods", "get", "schema", "$ref"), "#/definitions/Pod");
  EXPECT_EQ(document.find("definitions")->object().size(), 3U);
  EXPECT_EQ(document.text_at("definitions", "Meta", "description"), "ours");
  EXPECT_EQ(document.text_at("definitions", "Thing", "properties", "self", "$ref"), "#/definitions/Thing");
  EXPECT_EQ(document.find("parameters")->to_text(), R"({"limit":{"in":"query"}})");
}

TEST(MergedOpenApi, WhatDiffersGetsANameOfItsOwn) {
  const json::Tree document = merged({far(R"({"swagger":"2.0",
    "paths":{"/apis/far.example.com/v1/things":{"get":{"schema":{"$ref":"#/definitions/Pod"}}}},
    "definitions":{"Pod":{"type":"object","properties":{"meta":{"$ref":"#/definitions/Meta"}}},
                   "Meta":{"type":"string"}}})")});
  EXPECT_EQ(document.text_at("paths", "/apis/far.example.com/v1/things", "get", "schema", "$ref"),
            "#/definitions/Pod_v2");
  EXPECT_EQ(document.text_at("definitions", "Pod_v2", "properties", "meta", "$ref"), "#/definitions/Meta_v2");
  EXPECT_EQ(document.text_at("definitions", "Meta_v2", "type"), "string");
  EXPECT_EQ(document.text_at("paths", "/api/v1/pods", "get", "schema", "$ref"), "#/definitions/Pod");
}

TEST(MergedOpenApi, WhatIsNoDocumentIsLeftOut) {
  const std::string plain = merged({}).to_text();
  for (const char* document : {"", "[]", "{", R"({"openapi":"3.0.0"})", R"({"swagger":"2.0","paths":7})",
                               R"({"swagger":"2.0","paths":{"/apis/far.example.com":{"$ref":"#/paths"}}})"})
    EXPECT_EQ(merged({far(document)}).to_text(), plain) << document;
}

}  // namespace
}  // namespace gantry::kube::views
