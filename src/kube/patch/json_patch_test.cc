// SPDX-License-Identifier: Apache-2.0
#include "kube/patch/json_patch.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

namespace gantry::kube {
namespace {

json::Tree tree(std::string text) {
  auto parsed = json::Tree::parse(std::move(text));
  EXPECT_TRUE(parsed);
  return parsed ? std::move(*parsed) : json::Tree();
}

std::string patched(const char* object, const char* patch) {
  const auto result = apply_json_patch(tree(object), tree(patch));
  return result ? result->to_text() : fmt::format("{} {}", result.error()->code, result.error()->reason);
}

TEST(JsonPatch, DoesOneOperationAfterTheOther) {
  EXPECT_EQ(patched(R"({"a":1})",
                    R"([{"op":"add","path":"/b","value":{"c":[]}},{"op":"add","path":"/b/c/-","value":1},)"
                    R"({"op":"add","path":"/b/c/0","value":0}])"),
            R"({"a":1,"b":{"c":[0,1]}})");
  EXPECT_EQ(patched(R"({"a":{"b":1,"c":2}})", R"([{"op":"remove","path":"/a/b"}])"), R"({"a":{"c":2}})");
  EXPECT_EQ(patched(R"({"a":[1,2,3]})",
                    R"([{"op":"remove","path":"/a/1"},{"op":"replace","path":"/a/0","value":9}])"),
            R"({"a":[9,3]})");
  EXPECT_EQ(patched(R"({"a":{"b":1}})",
                    R"([{"op":"move","from":"/a/b","path":"/c"},{"op":"copy","from":"/c","path":"/d"}])"),
            R"({"a":{},"c":1,"d":1})");
  EXPECT_EQ(patched(R"({"a/b":{"m~n":1}})", R"([{"op":"test","path":"/a~1b/m~0n","value":1.0}])"),
            R"({"a/b":{"m~n":1}})");
  EXPECT_EQ(patched(R"({"a":1})", R"([{"op":"replace","path":"","value":{"b":2}}])"), R"({"b":2})");
  EXPECT_EQ(patched(R"({"a":1})", R"([{"op":"test","path":"/b","value":null}])"), R"({"a":1})");
}

TEST(JsonPatch, WhatDoesNotApplyIsRefusedAsAWhole) {
  for (const char* patch :
       {R"([{"op":"remove","path":"/x"}])", R"([{"op":"replace","path":"/x","value":1}])",
        R"([{"op":"add","path":"/x/y","value":1}])", R"([{"op":"add","path":"/l/3","value":1}])",
        R"([{"op":"add","path":"/l/01","value":1}])", R"([{"op":"add","path":"/a/b","value":1}])",
        R"([{"op":"test","path":"/a","value":2}])", R"([{"op":"copy","from":"/x","path":"/y"}])",
        R"([{"op":"move","from":"/o","path":"/o/p/q"}])", R"([{"op":"remove","path":"/l/-1"}])"})
    EXPECT_EQ(patched(R"({"a":1,"l":[1,2],"o":{"p":{}}})", patch), "422 Invalid") << patch;
  const auto failed = apply_json_patch(tree("{}"), tree(R"([{"op":"test","path":"/a","value":1}])"));
  EXPECT_EQ(
      failed.error()->message,
      "the server rejected our request due to an error in our request: testing value /a failed: test failed");
}

TEST(JsonPatch, OfTheServersOwnAFailedTestIsNoFault) {
  const auto apply = [](const char* patch) {
    return apply_tested_json_patch(tree(R"({"a":1})"), tree(patch));
  };
  EXPECT_EQ((*apply(R"([{"op":"test","path":"/a","value":1},{"op":"remove","path":"/a"}])"))->to_text(),
            "{}");
  EXPECT_FALSE(*apply(R"([{"op":"test","path":"/a","value":2},{"op":"remove","path":"/a"}])"));
  EXPECT_EQ(apply(R"([{"op":"remove","path":"/b"}])").error()->message,
            "remove operation does not apply: path \"/b\": missing key");
}

TEST(JsonPatch, WhatIsNoPatchIsABadRequest) {
  for (const char* patch : {"{}", "[1]", R"([{"op":"add","path":"/a"}])", R"([{"op":"add","value":1}])",
                            R"([{"op":"jump","path":"/a"}])", R"([{"op":"add","path":"a","value":1}])",
                            R"([{"op":"copy","path":"/a"}])"})
    EXPECT_EQ(patched("{}", patch), "400 BadRequest") << patch;
}

TEST(JsonPatch, IsBounded) {
  std::string many = R"([{"op":"test","path":"","value":{}})";
  for (std::size_t i = 0; i < kJsonPatchOperations; ++i) many += R"(,{"op":"test","path":"","value":{}})";
  EXPECT_EQ(patched("{}", (many + "]").c_str()), "413 RequestEntityTooLarge");
  // Every copy doubles what is there.
  std::string doubling = R"([{"op":"test","path":"/a","value":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"})";
  for (int i = 0; i < 40; ++i) doubling += fmt::format(R"(,{{"op":"copy","from":"","path":"/c{}"}})", i);
  EXPECT_EQ(patched(R"({"a":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"})", (doubling + "]").c_str()), "422 Invalid");
  std::string deep = R"([{"op":"add","path":"/a","value":{}})";
  for (int i = 0; i < 200; ++i)
    deep +=
        R"(,{"op":"add","path":"/b","value":{}},{"op":"move","from":"/a","path":"/b/x"},{"op":"move","from":"/b","path":"/a"})";
  EXPECT_EQ(patched("{}", (deep + "]").c_str()), "422 Invalid");
}

}  // namespace
}  // namespace gantry::kube
