// SPDX-License-Identifier: Apache-2.0
#include "kube/api/selector.h"

#include <gtest/gtest.h>

namespace gantry::kube {
namespace {

json::Tree tree(std::string text) {
  auto parsed = json::Tree::parse(std::move(text));
  EXPECT_TRUE(parsed);
  return parsed ? std::move(*parsed) : json::Tree();
}

LabelSelector labels(std::string_view text) {
  auto parsed = LabelSelector::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? std::move(*parsed) : LabelSelector::of_nothing();
}

TEST(LabelSelector, MeansWhatItSays) {
  const json::Tree web = tree(R"({"app":"web","tier":"front","n":"5"})");
  for (const char* met :
       {"", "app=web", "app==web", "app!=db", "x!=y", "app in (db, web)", "app notin (db)", "x notin (y)",
        "app", "!x", "n>4", "n<6", "app=web,tier in (front),!x", " app = web , tier "})
    EXPECT_TRUE(labels(met).matches(web)) << met;
  for (const char* unmet : {"app=db", "app=", "app!=web", "x in (y)", "app notin (web,db)", "x", "!app",
                            "n>5", "app>1", "app=web,x", "app in ()"})
    EXPECT_FALSE(labels(unmet).matches(web)) << unmet;
}

TEST(LabelSelector, IsWrittenInOneWay) {
  EXPECT_EQ(labels("z, b == 1,a in (y,x), !c, d notin (), e!=").text(), "a in (x,y),b=1,!c,d notin (),e!=,z");
  EXPECT_EQ(labels("in in (in)").text(), "in in (in)");
  EXPECT_EQ(labels("a in (,b)").text(), "a in (,b)");
}

TEST(LabelSelector, OtherTextIsRefused) {
  for (const char* bad : {"a b", "a in", "a in b", "a in (b", "a=b c", ",", "a,", "=a", "a=b=c", "a=(b)",
                          "a>b", "!", "a/b/c", "a=b c,d", "a in (b c)", "!a=b", "a<<1", "a in (b))"})
    EXPECT_FALSE(LabelSelector::parse(bad)) << bad;
  const auto failed = LabelSelector::parse("a=-b");
  EXPECT_EQ(failed.error()->code, 400);
  EXPECT_EQ(failed.error()->message.find(
                "unable to parse requirement: Invalid value: \"-b\": a valid label must be"),
            0u);
}

TEST(LabelSelector, ComesFromATree) {
  const auto selector = LabelSelector::from_tree(tree(
      R"({"matchLabels":{"app":"web"},"matchExpressions":[{"key":"tier","operator":"NotIn","values":["b","a"]},)"
      R"({"key":"x","operator":"DoesNotExist"}]})"));
  ASSERT_TRUE(selector);
  EXPECT_EQ(selector->text(), "app=web,tier notin (a,b),!x");
  EXPECT_TRUE(LabelSelector::from_tree(tree("{}"))->is_of_all());
  EXPECT_FALSE(LabelSelector::from_tree(json::Tree())->matches(tree(R"({"a":"b"})")));
  for (const char* bad : {R"({"matchExpressions":[{"key":"a","operator":"Like"}]})",
                          R"({"matchExpressions":[{"key":"a","operator":"In"}]})",
                          R"({"matchExpressions":[{"key":"a","operator":"Exists","values":["b"]}]})",
                          R"({"matchLabels":{"a":"-"}})"})
    EXPECT_FALSE(LabelSelector::from_tree(tree(bad))) << bad;
}

TEST(FieldSelector, ComparesFields) {
  const auto selector = FieldSelector::parse("metadata.name=web,status.phase!=Running,,spec.x==a\\,b");
  ASSERT_TRUE(selector);
  EXPECT_EQ(selector->text(), "metadata.name=web,status.phase!=Running,spec.x=a\\,b");
  EXPECT_EQ(selector->required_value("metadata.name"), "web");
  EXPECT_EQ(selector->required_value("status.phase"), std::nullopt);
  const auto find = [](std::string_view field) -> std::string_view {
    return field == "metadata.name" ? "web" : field == "spec.x" ? "a,b" : "Pending";
  };
  EXPECT_TRUE(selector->matches_by(find));
  EXPECT_FALSE(FieldSelector::parse("metadata.name!=web")->matches_by(find));
  EXPECT_TRUE(FieldSelector::parse("")->is_of_all());
}

TEST(FieldSelector, OtherTextIsRefused) {
  for (const char* bad : {"a", "a=b\\", "a=b\\c", "a=b=c", "a=b,c"})
    EXPECT_FALSE(FieldSelector::parse(bad)) << bad;
}

}  // namespace
}  // namespace gantry::kube
