// SPDX-License-Identifier: Apache-2.0
#include "kube/patch/strategic_patch.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "kube/patch/test_kind.h"

namespace gantry::kube {
namespace {

// Both are the inner part of {"spec":{...}}.
std::string patched(std::string spec, std::string patch) {
  const auto tree = [](const std::string& inner) {
    auto parsed = json::Tree::parse(fmt::format(R"({{"spec":{{{}}}}})", inner));
    EXPECT_TRUE(parsed) << inner;
    return parsed ? std::move(*parsed) : json::Tree();
  };
  const auto result = apply_strategic_patch(tree(spec), tree(patch), TestKind::type());
  if (!result) return fmt::format("{} {}", result.error()->code, result.error()->message);
  const std::string text = result->find("spec")->to_text();
  return text.substr(1, text.size() - 2);
}

TEST(StrategicPatch, MergesStructsAndMaps) {
  EXPECT_EQ(patched(R"("replicas":1,"selector":{"a":"b"})", R"("replicas":2,"selector":{"c":"d","a":null})"),
            R"("replicas":2,"selector":{"c":"d"})");
  EXPECT_EQ(patched(R"("replicas":1)", R"("replicas":null,"selector":{"x":null,"y":"z"})"),
            R"("selector":{"y":"z"})");
}

TEST(StrategicPatch, MergesListsByTheirKey) {
  EXPECT_EQ(patched(R"("containers":[{"name":"a","image":"1"},{"name":"b","image":"1"}])",
                    R"("containers":[{"name":"b","image":"2"}])"),
            R"("containers":[{"image":"1","name":"a"},{"image":"2","name":"b"}])");
  // What is new comes first, unless the order is said.
  EXPECT_EQ(patched(R"("containers":[{"name":"a"}])", R"("containers":[{"name":"c","image":null}])"),
            R"("containers":[{"name":"c"},{"name":"a"}])");
  EXPECT_EQ(
      patched(R"("containers":[{"name":"a"}])",
              R"("$setElementOrder/containers":[{"name":"a"},{"name":"c"}],"containers":[{"name":"c"}])"),
      R"("containers":[{"name":"a"},{"name":"c"}])");
  EXPECT_EQ(
      patched(R"("containers":[{"name":"a","args":["x"]}])", R"("containers":[{"name":"a","args":["y"]}])"),
      R"("containers":[{"args":["y"],"name":"a"}])");
  EXPECT_EQ(patched(R"("containers":[{"name":"a","ports":[{"containerPort":80}]}])",
                    R"("containers":[{"name":"a","ports":[{"containerPort":80,"name":"http"}]}])"),
            R"("containers":[{"name":"a","ports":[{"containerPort":80,"name":"http"}]}])");
}

TEST(StrategicPatch, OrdersWithoutChanging) {
  EXPECT_EQ(patched(R"("containers":[{"name":"a"},{"name":"x"},{"name":"b"}])",
                    R"("$setElementOrder/containers":[{"name":"b"},{"name":"a"}])"),
            R"("containers":[{"name":"x"},{"name":"b"},{"name":"a"}])");
}

TEST(StrategicPatch, ElementsGoOrAreReplaced) {
  EXPECT_EQ(patched(R"("containers":[{"name":"a"},{"name":"b"}])",
                    R"("containers":[{"name":"a","$patch":"delete"}])"),
            R"("containers":[{"name":"b"}])");
  EXPECT_EQ(patched(R"("containers":[{"name":"a"},{"name":"b"}])",
                    R"("containers":[{"$patch":"replace"},{"name":"c"}])"),
            R"("containers":[{"name":"c"}])");
  EXPECT_EQ(patched(R"("selector":{"a":"b"})", R"("selector":{"$patch":"replace","c":"d"})"),
            R"("selector":{"c":"d"})");
  EXPECT_EQ(patched(R"("selector":{"a":"b"})", R"("selector":{"$patch":"delete"})"), R"("selector":{})");
  EXPECT_EQ(patched("", R"("containers":[{"name":"a","$patch":"delete"},{"name":"b"}])"),
            R"("containers":[{"name":"b"}])");
}

TEST(StrategicPatch, RetainsOnlyTheKeysItNames) {
  EXPECT_EQ(patched(R"("strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":"1"}})",
                    R"("strategy":{"$retainKeys":["type"],"type":"Recreate"})"),
            R"("strategy":{"type":"Recreate"})");
  EXPECT_EQ(patched(R"("strategy":{})", R"("strategy":{"$retainKeys":["type"],"rollingUpdate":{}})"),
            "400 invalid patch format of retainKeys");
}

TEST(StrategicPatch, ListsOfScalarsGrowAndShrink) {
  const auto finalizers = [](const char* before, const char* patch) {
    const auto result = apply_strategic_patch(
        *json::Tree::parse(fmt::format(R"({{"metadata":{{"finalizers":{}}}}})", before)),
        *json::Tree::parse(fmt::format(R"({{"metadata":{{{}}}}})", patch)), TestKind::type());
    return result ? result->find("metadata", "finalizers")->to_text() : result.error()->message;
  };
  EXPECT_EQ(finalizers(R"(["a","b"])", R"("finalizers":["c","a"])"), R"(["c","a","b"])");
  EXPECT_EQ(finalizers(R"(["a","b"])", R"("$deleteFromPrimitiveList/finalizers":["a"])"), R"(["b"])");
  EXPECT_EQ(
      finalizers(
          R"(["a","b"])",
          R"("$setElementOrder/finalizers":["b","c"],"$deleteFromPrimitiveList/finalizers":["a"],"finalizers":["c"])"),
      R"(["b","c"])");
}

TEST(StrategicPatch, WhatIsMalformedIsRefused) {
  const auto begins = [](const std::string& text, const char* start) { return text.starts_with(start); };
  EXPECT_TRUE(begins(patched(R"("containers":[{"name":"a"}])", R"("containers":[{"image":"x"}])"), "422 "));
  EXPECT_TRUE(begins(
      patched(R"("containers":[{"name":"a"}])", R"("containers":[{"name":"a","$patch":"jump"}])"), "400 "));
  EXPECT_TRUE(begins(patched("", R"("$patch":"jump")"), "400 "));
  EXPECT_TRUE(begins(patched("", R"("$setElementOrder/nothing":[])"), "400 "));
  EXPECT_TRUE(begins(patched("", R"("$setElementOrder/containers":{})"), "400 "));
  EXPECT_TRUE(begins(patched(R"("containers":[{"name":"a"}])",
                             R"("$setElementOrder/containers":[{"name":"a"}],"containers":[{"name":"b"}])"),
                     "422 "));
}

}  // namespace
}  // namespace gantry::kube
