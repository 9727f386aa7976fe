// SPDX-License-Identifier: Apache-2.0
#include "base/json_tree.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>

#include "testing/must.h"

namespace gantry::json {
namespace {

Tree tree(const char* text) { return MUST(Tree::parse(text)); }

TEST(JsonTree, WritesWhatItReadWithKeysInOrder) {
  const Tree read = tree(R"({"b": [1, -2.5, true, null, 18446744073709551615], "a": {"x": "\u00e4"}})");
  EXPECT_EQ(read.to_text(), "{\"a\":{\"x\":\"\xc3\xa4\"},\"b\":[1,-2.5,true,null,18446744073709551615]}");
}

TEST(JsonTree, KeysStandInTheOrderOfTheirBytesAndAreFound) {
  const std::string_view keys[] = {"\xc3\xa9t\xc3\xa9", "", "spec", "a", "sp", "Z", "spek", "~", "\xc3\xa9"};
  Tree tree;
  for (const std::string_view key : keys) tree.object()[key] = key;
  const auto before = [](const auto& a, const auto& b) { return a.first < b.first; };
  EXPECT_TRUE(std::ranges::is_sorted(tree.object(), before));
  EXPECT_EQ(tree.object().size(), std::size(keys));
  for (const std::string_view key : keys) EXPECT_EQ(tree.text_at(key), key);
  // The same where there are so many that they are not looked through.
  for (int i = 0; i < 100; ++i) tree.object()["more" + std::to_string(i)] = i;
  for (const std::string_view key : keys) EXPECT_EQ(tree.text_at(key), key);
  EXPECT_FALSE(tree.object().contains("spe"));
  for (const std::string_view key : keys) EXPECT_TRUE(tree.object().erase(key));
  EXPECT_EQ(tree.object().size(), 100U);
}

TEST(JsonTree, FindsAlongAPath) {
  const Tree read = tree(R"({"metadata": {"labels": {"app": "web"}}})");
  EXPECT_EQ(read.text_at("metadata", "labels", "app"), "web");
  EXPECT_EQ(read.find("metadata", "name"), nullptr);
  EXPECT_EQ(read.find("metadata", "labels", "app", "more"), nullptr);
}

TEST(JsonTree, WhatIsAskedToChangeBecomesWhatIsNeeded) {
  Tree made;
  made.object()["list"].array().emplace_back(1);
  made.object()["name"] = "web";
  EXPECT_EQ(made.to_text(), R"({"list":[1],"name":"web"})");
  EXPECT_TRUE(made.object().erase("list"));
  EXPECT_FALSE(made.object().erase("list"));
  EXPECT_EQ(made.to_text(), R"({"name":"web"})");
}

TEST(JsonTree, OfEqualKeysTheLastCounts) {
  const TreeObject object({{"b", 1}, {"a", 1}, {"b", 2}, {"a", 2}, {"a", 3}});
  EXPECT_EQ(Tree(object).to_text(), R"({"a":3,"b":2})");
}

TEST(JsonTree, MembersThatAreNotWantedGoTogether) {
  Tree read = tree(R"({"a": 1, "b": null, "c": 3, "d": null, "e": 5})");
  read.object().erase_if([](std::string_view key, Tree& value) {
    if (key == "e") value = "changed";
    return value.is_null();
  });
  EXPECT_EQ(read.to_text(), R"({"a":1,"c":3,"e":"changed"})");
}

TEST(JsonTree, NumbersAreEqualByValue) {
  EXPECT_EQ(tree("1"), tree("1.0"));
  EXPECT_NE(tree("1"), tree("1.5"));
  EXPECT_NE(tree("1"), tree("\"1\""));
  EXPECT_EQ(tree(R"({"a":1,"b":2})"), tree(R"({"b":2,"a":1})"));
}

TEST(JsonTree, NumbersKeepAll64Bits) {
  EXPECT_EQ(Tree(std::uint64_t{5}).as_int64(), 5);
  EXPECT_EQ(tree("9223372036854775808").as_uint64(), std::uint64_t{1} << 63);
  EXPECT_EQ(tree("9223372036854775808").as_int64(), std::nullopt);
  EXPECT_EQ(tree("-1").as_uint64(), std::nullopt);
}

}  // namespace
}  // namespace gantry::json
