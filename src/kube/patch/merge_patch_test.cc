// SPDX-License-Identifier: Apache-2.0
#include "kube/patch/merge_patch.h"

#include <gtest/gtest.h>

namespace gantry::kube {
namespace {

std::string patched(const char* object, const char* patch) {
  const auto result = apply_merge_patch(*json::Tree::parse(object), *json::Tree::parse(patch));
  return result ? result->to_text() : result.error()->reason;
}

// The examples of RFC 7386, appendix A, as far as they are about objects.
TEST(MergePatch, ReplacesWhatItSaysAndRemovesWhatItSaysIsNull) {
  EXPECT_EQ(patched(R"({"a":"b"})", R"({"a":"c"})"), R"({"a":"c"})");
  EXPECT_EQ(patched(R"({"a":"b"})", R"({"b":"c"})"), R"({"a":"b","b":"c"})");
  EXPECT_EQ(patched(R"({"a":"b"})", R"({"a":null})"), "{}");
  EXPECT_EQ(patched(R"({"a":"b","b":"c"})", R"({"a":null})"), R"({"b":"c"})");
  EXPECT_EQ(patched(R"({"a":["b"]})", R"({"a":"c"})"), R"({"a":"c"})");
  EXPECT_EQ(patched(R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})"), R"({"a":{"b":"d"}})");
  EXPECT_EQ(patched(R"({"a":[{"b":"c"}]})", R"({"a":[1]})"), R"({"a":[1]})");
  EXPECT_EQ(patched(R"({"e":null})", R"({"a":1})"), R"({"a":1,"e":null})");
  EXPECT_EQ(patched("{}", R"({"a":{"bb":{"ccc":null}}})"), R"({"a":{"bb":{}}})");
}

TEST(MergePatch, IsAnObject) { EXPECT_EQ(patched("{}", "[]"), "BadRequest"); }

}  // namespace
}  // namespace gantry::kube
