// SPDX-License-Identifier: Apache-2.0
#include "kube/access/authorizer.h"

#include <gtest/gtest.h>

namespace gantry::kube {
namespace {

const AccessRequest kListPods = {
    .user = {.name = "x"}, .verb = "list", .resource = "pods", .name_space = "default"};

TEST(Denied, SaysWhoCannotDoWhatWhere) {
  EXPECT_EQ(
      denied(kListPods, "")->message,
      R"(pods is forbidden: User "x" cannot list resource "pods" in API group "" in the namespace "default")");
  const AccessRequest scale = {.user = {.name = "x"},
                               .verb = "get",
                               .group = "apps",
                               .resource = "deployments",
                               .subresource = "scale",
                               .name = "web"};
  EXPECT_EQ(
      denied(scale, "no")->message,
      R"(deployments.apps "web" is forbidden: User "x" cannot get resource "deployments/scale" in API group )"
      R"("apps" at the cluster scope: no)");
  const AccessRequest path = {.user = {.name = "x"}, .verb = "get", .is_resource = false, .path = "/metrics"};
  EXPECT_EQ(denied(path, "")->message, R"(forbidden: User "x" cannot get path "/metrics")");
  EXPECT_EQ(denied(path, "")->code, 403);
}

TEST(AuthorizerChain, TheFirstOpinionCountsAndNoneIsADenial) {
  EXPECT_TRUE(AuthorizerChain({always_allow(), always_deny()}).decide(kListPods).is_allowed());
  EXPECT_FALSE(AuthorizerChain({always_deny(), always_allow()}).decide(kListPods).is_allowed());
  EXPECT_FALSE(AuthorizerChain({}).decide(kListPods).is_allowed());
}

TEST(AuthorizerChain, MastersMayDoEverything) {
  AccessRequest request = kListPods;
  request.user.groups = {kMastersGroup};
  EXPECT_TRUE(AuthorizerChain({always_deny()}).decide(request).is_allowed());
  RuleList list;
  AuthorizerChain({}).list_rules(request.user, "default", list);
  EXPECT_EQ(list.rules.size(), 2u);
}

}  // namespace
}  // namespace gantry::kube
