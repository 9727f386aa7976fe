// SPDX-License-Identifier: Apache-2.0
#include "kube/views/json_path.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::kube::views {
namespace {

std::string read(const char* path, const char* text) {
  const json::Document document = MUST(json::Document::parse(text));
  const auto found = MUST(JsonPath::parse(path)).first(document.root());
  return found ? found->to_text() : "nothing";
}

TEST(JsonPath, follows_members) {
  EXPECT_EQ(read(".a.b", R"({"a":{"b":1}})"), "1");
  EXPECT_EQ(read("a.b", R"({"a":{"b":1}})"), "1");
  EXPECT_EQ(read("{.a['b.c']}", R"({"a":{"b.c":1}})"), "1");
  EXPECT_EQ(read(R"(.a.app\.io/x)", R"({"a":{"app.io/x":1}})"), "1");
  EXPECT_EQ(read(".a.c", R"({"a":{"b":1}})"), "nothing");
}

TEST(JsonPath, follows_elements) {
  EXPECT_EQ(read(".a[1]", R"({"a":[5,6,7]})"), "6");
  EXPECT_EQ(read(".a[-1]", R"({"a":[5,6,7]})"), "7");
  EXPECT_EQ(read(".a[3]", R"({"a":[5,6,7]})"), "nothing");
  EXPECT_EQ(read(".a[*].b", R"({"a":[{},{"b":2},{"b":3}]})"), "2");
}

TEST(JsonPath, finds_elements_by_what_is_in_them) {
  constexpr const char* kConditions =
      R"({"c":[{"type":"A","status":"no"},{"type":"Ready","status":"yes"},{"n":3}]})";
  EXPECT_EQ(read(".c[?(@.type==\"Ready\")].status", kConditions), "\"yes\"");
  EXPECT_EQ(read(".c[?(@.type=='Ready')].status", kConditions), "\"yes\"");
  EXPECT_EQ(read(".c[?(@.type != 'A')].status", kConditions), "\"yes\"");
  EXPECT_EQ(read(".c[?(@.n==3)].n", kConditions), "3");
  EXPECT_EQ(read(".c[?(@.n)].n", kConditions), "3");
}

TEST(JsonPath, is_refused_when_it_is_none) {
  for (const char* text : {".a[", ".a[x]", ".a[?(x)]", ".a[?(@.b==\"c)]", ".a['b]", ".a]", "..a"})
    EXPECT_FALSE(JsonPath::parse(text)) << text;
}

}  // namespace
}  // namespace gantry::kube::views
