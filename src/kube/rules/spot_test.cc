// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/spot.h"

#include <gtest/gtest.h>

namespace gantry::kube::rules {
namespace {

TEST(Spot, KnowsTheWayToItself) {
  const json::Tree tree = *json::Tree::parse(R"({"a":[{"b":{"x/y":1}},{"b":{}}]})");
  Report report;
  const Spot root(tree, report);
  EXPECT_EQ(root.path(), "");
  std::string paths;
  root["a"].each([&](const Spot& element) {
    paths += element.path() + " ";
    element["b"].each_member([&](std::string_view, const Spot& member) { paths += member.path() + " "; });
  });
  EXPECT_EQ(paths, "a[0] a[0].b[x/y] a[1] ");
  EXPECT_FALSE(root["no"]["such"].is_set());
  EXPECT_EQ(root["no"]["such"].path(), "no.such");
}

TEST(Spot, ManyFaultsAreNotAllTold) {
  json::Tree tree;
  tree.array().resize(1000);
  Report report;
  std::size_t visits = 0;
  Spot(tree, report).each([&](const Spot& element) {
    ++visits;
    element.required();
  });
  EXPECT_EQ(visits, Report::kCauses);
  EXPECT_EQ(std::move(report).causes().size(), Report::kCauses);
}

TEST(Spot, ALargeValueIsNotShownAsAWhole) {
  const json::Tree tree(std::string(5000, 'x'));
  Report report;
  Spot(tree, report).invalid("why");
  EXPECT_LT(std::move(report).causes().front().message.size(), 1100u);
}

}  // namespace
}  // namespace gantry::kube::rules
