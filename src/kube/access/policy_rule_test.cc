// SPDX-License-Identifier: Apache-2.0
#include "kube/access/policy_rule.h"

#include <gtest/gtest.h>

namespace gantry::kube {
namespace {

AccessRequest to(std::string verb, std::string group, std::string resource, std::string subresource = "",
                 std::string name = "") {
  return {.verb = std::move(verb),
          .group = std::move(group),
          .resource = std::move(resource),
          .subresource = std::move(subresource),
          .name = std::move(name)};
}

TEST(PolicyRule, AllowsWhatItNames) {
  const PolicyRule rule = {.verbs = {"get", "list"}, .groups = {""}, .resources = {"pods", "pods/log"}};
  EXPECT_TRUE(allows(rule, to("get", "", "pods", "", "web")));
  EXPECT_TRUE(allows(rule, to("get", "", "pods", "log")));
  EXPECT_FALSE(allows(rule, to("get", "", "pods", "exec")));
  EXPECT_FALSE(allows(rule, to("get", "apps", "pods")));
  EXPECT_FALSE(allows(rule, to("delete", "", "pods")));
}

TEST(PolicyRule, AStarIsAnythingAndSubresourcesHaveTheirOwn) {
  EXPECT_TRUE(allows({.verbs = {"*"}, .groups = {"*"}, .resources = {"*"}}, to("eat", "x", "y", "z")));
  const PolicyRule scale = {.verbs = {"update"}, .groups = {"*"}, .resources = {"*/scale"}};
  EXPECT_TRUE(allows(scale, to("update", "apps", "deployments", "scale")));
  EXPECT_FALSE(allows(scale, to("update", "apps", "deployments")));
}

TEST(PolicyRule, NamesNarrowIt) {
  const PolicyRule rule = {.verbs = {"get"}, .groups = {""}, .resources = {"secrets"}, .names = {"a"}};
  EXPECT_TRUE(allows(rule, to("get", "", "secrets", "", "a")));
  EXPECT_FALSE(allows(rule, to("get", "", "secrets", "", "b")));
  EXPECT_FALSE(allows(rule, to("get", "", "secrets")));
}

TEST(PolicyRule, PathsMayEndInAStar) {
  const PolicyRule rule = {.verbs = {"get"}, .paths = {"/api/*", "/healthz"}};
  const auto get = [](std::string path) {
    return AccessRequest{.verb = "get", .is_resource = false, .path = std::move(path)};
  };
  EXPECT_TRUE(allows(rule, get("/api/v1")));
  EXPECT_TRUE(allows(rule, get("/healthz")));
  EXPECT_FALSE(allows(rule, get("/healthz/etcd")));
  EXPECT_FALSE(allows(rule, get("/api")));
}

TEST(PolicyRule, WhatIsGrantedMustBeHeld) {
  const std::vector<PolicyRule> owned = {{.verbs = {"get"}, .groups = {""}, .resources = {"pods", "secrets"}},
                                         {.verbs = {"list"}, .groups = {""}, .resources = {"pods"}}};
  const std::vector<PolicyRule> split = {{.verbs = {"get", "list"}, .groups = {""}, .resources = {"pods"}}};
  EXPECT_TRUE(not_covered(owned, split).empty()) << "two rules together hold it";
  const std::vector<PolicyRule> more = {{.verbs = {"get", "list"}, .groups = {""}, .resources = {"secrets"}}};
  const auto missing = not_covered(owned, more);
  ASSERT_EQ(missing.size(), 1u);
  EXPECT_EQ(missing[0].text(), R"({APIGroups:[""], Resources:["secrets"], Verbs:["list"]})");
  const std::vector<PolicyRule> named = {
      {.verbs = {"get"}, .groups = {""}, .resources = {"pods"}, .names = {"a"}}};
  EXPECT_TRUE(not_covered(owned, named).empty());
  EXPECT_FALSE(not_covered(named, split).empty()) << "a name is less than all";
}

TEST(PolicyRule, HugeRulesAreComparedAsAWhole) {
  PolicyRule huge;
  for (int i = 0; i < 500; ++i) {
    huge.verbs.push_back(fmt::format("v{}", i));
    huge.groups.push_back(fmt::format("g{}", i));
    huge.resources.push_back(fmt::format("r{}", i));
  }
  EXPECT_EQ(not_covered({}, std::vector{huge}).size(), 1u);
  EXPECT_TRUE(not_covered(std::vector{huge}, std::vector{huge}).empty());
}

TEST(PolicyRule, RefusalsListVerbsOfOneResourceTogether) {
  const auto rules = compact({{.verbs = {"get"}, .groups = {""}, .resources = {"pods"}},
                              {.verbs = {"get"}, .groups = {""}, .resources = {"nodes"}},
                              {.verbs = {"list"}, .groups = {""}, .resources = {"pods"}}});
  ASSERT_EQ(rules.size(), 2u);
  EXPECT_EQ(rules[1].text(), R"({APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]})");
}

TEST(PolicyRule, IsReadAndWritten) {
  const PolicyRule rule = {.verbs = {"get"}, .groups = {""}, .resources = {"pods"}, .names = {"a"}};
  EXPECT_EQ(PolicyRule::from_tree(rule.to_tree()), rule);
  EXPECT_EQ(rule.to_tree().to_text(),
            R"({"apiGroups":[""],"resourceNames":["a"],"resources":["pods"],"verbs":["get"]})");
}

}  // namespace
}  // namespace gantry::kube
