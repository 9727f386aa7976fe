// SPDX-License-Identifier: Apache-2.0
#include "kube/access/access_reviews.h"

#include <gtest/gtest.h>

#include <atomic>

#include "http/server.h"
#include "kube/access/modes.h"
#include "kube/api/stored_kinds.h"
#include "kube/api/test_objects.h"
#include "testing/must.h"

namespace gantry::kube {
namespace {

json::Tree tree(const std::string& text) { return MUST(json::Tree::parse(text)); }

class ReviewsTest : public ::testing::Test {
 protected:
  ReviewsTest() {
    objects.put(stored::kClusterRoles,
                R"({"metadata":{"name":"r"},"rules":[{"verbs":["get"],"apiGroups":[""],)"
                R"("resources":["pods"]},{"verbs":["get"],"nonResourceURLs":["/x"]}]})");
    objects.put(stored::kClusterRoleBindings, R"({"metadata":{"name":"b"},"roleRef":{"kind":"ClusterRole",)"
                                              R"("name":"r"},"subjects":[{"kind":"User","name":"alice"}]})");
  }
  kube::testing::TestObjects objects;
  Rbac rbac{objects};
};

constexpr const char* kGetPods =
    R"({"resourceAttributes":{"verb":"get","resource":"pods","namespace":"work"},"user":"alice"})";

std::string spec(const std::string& text) { return R"({"spec":)" + text + "}"; }

TEST_F(ReviewsTest, SayWhetherSomebodyMay) {
  const auto yes = review_subject_access(rbac, tree(spec(kGetPods)));
  ASSERT_TRUE(yes);
  EXPECT_TRUE(yes->find("status", "allowed")->as_bool());
  EXPECT_TRUE(yes->text_at("status", "reason").starts_with("RBAC: allowed by ClusterRoleBinding \"b\""));
  const auto self = review_self_subject_access(
      rbac, {.name = "bob"}, tree(spec(R"({"resourceAttributes":{"verb":"get","resource":"pods"}})")));
  ASSERT_TRUE(self);
  EXPECT_EQ(self->find("status")->to_text(), R"({"allowed":false})");
  const auto path = review_self_subject_access(
      rbac, {.name = "alice"}, tree(spec(R"({"nonResourceAttributes":{"verb":"get","path":"/x"}})")));
  EXPECT_TRUE(path->find("status", "allowed")->as_bool());
}

TEST_F(ReviewsTest, WhatCannotBeAnsweredIsSaid) {
  EXPECT_EQ(review_subject_access(rbac, tree("{}")).error()->code, 422);
  EXPECT_EQ(review_subject_access(rbac, tree("{}")).error()->causes.size(), 2u);
  EXPECT_EQ(review_local_subject_access(rbac, "home", tree(spec(kGetPods))).error()->code, 400);
  EXPECT_TRUE(review_local_subject_access(rbac, "work", tree(spec(kGetPods))));
  EXPECT_EQ(review_self_subject_rules(rbac, {}, tree("{}")).error()->code, 400);
}

TEST_F(ReviewsTest, RulesAreListed) {
  const auto rules =
      review_self_subject_rules(rbac, {.name = "alice"}, tree(spec(R"({"namespace":"work"})")));
  ASSERT_TRUE(rules);
  EXPECT_EQ(rules->find("status")->to_text(),
            R"({"incomplete":false,"nonResourceRules":[{"nonResourceURLs":["/x"],"verbs":["get"]}],)"
            R"("resourceRules":[{"apiGroups":[""],"resources":["pods"],"verbs":["get"]}]})");
}

TEST(AccessModes, AreAskedInTheirOrder) {
  kube::testing::TestObjects objects;
  const AccessRequest request{.user = {.name = "x"}, .verb = "get", .resource = "pods"};
  const auto allows_with = [&](std::vector<std::string> modes) {
    return MUST(make_access({.modes = std::move(modes)}, objects)).authorizer->decide(request).is_allowed();
  };
  EXPECT_FALSE(allows_with({"Node", "RBAC"}));
  EXPECT_TRUE(allows_with({"RBAC", "AlwaysAllow"}));
  EXPECT_FALSE(allows_with({"AlwaysDeny", "AlwaysAllow"}));
  EXPECT_FALSE(make_access({.modes = {}}, objects));
  EXPECT_FALSE(make_access({.modes = {"ABAC"}}, objects));
  EXPECT_FALSE(make_access({.modes = {"RBAC", "RBAC"}}, objects));
  EXPECT_FALSE(make_access({.modes = {"Webhook"}}, objects));
}

// A server that allows alice, denies mallory, and counts.
class Webhook {
 public:
  Webhook() {
    std::vector<http::Listener> listeners;
    listeners.push_back(MUST(http::Listener::tcp("127.0.0.1", 0)));
    server = MUST(http::Server::start(std::move(listeners),
                                      [this](http::Request& request, http::ResponseWriter& response) {
                                        return answer(request, response);
                                      }));
  }
  Result<void> answer(http::Request& request, http::ResponseWriter& response) {
    ++asked;
    const json::Tree review = TRY(json::Tree::parse(TRY(request.read_body())));
    const std::string_view user = review.text_at("spec", "user");
    if (user == "broken") return response.send(500, "no");
    return response.send(200, user == "alice"     ? R"({"status":{"allowed":true,"reason":"hers"}})"
                              : user == "mallory" ? R"({"status":{"allowed":false,"denied":true}})"
                                                  : R"({"status":{"allowed":false}})");
  }
  std::string url() const {
    return fmt::format("http://127.0.0.1:{}/authorize", server->listeners()[0].port());
  }
  std::atomic<int> asked = 0;
  std::unique_ptr<http::Server> server;
};

TEST(WebhookAuthorizer, AsksAndRemembers) {
  Webhook webhook;
  const WebhookAuthorizer authorizer({.url = MUST(http::Url::parse(webhook.url()))});
  const auto decide = [&](const std::string& user) {
    return authorizer.decide({.user = {.name = user}, .verb = "get", .resource = "pods"});
  };
  EXPECT_EQ(decide("alice").opinion, Opinion::Allow);
  EXPECT_EQ(decide("alice").reason, "hers");
  EXPECT_EQ(webhook.asked, 1);
  EXPECT_EQ(decide("mallory").opinion, Opinion::Deny);
  EXPECT_EQ(decide("bob").opinion, Opinion::None);
  const Decision broken = decide("broken");
  EXPECT_EQ(broken.opinion, Opinion::None);
  EXPECT_NE(broken.problem.find("500"), std::string::npos);
  decide("broken");
  EXPECT_EQ(webhook.asked, 5) << "what went wrong is not remembered";
}

}  // namespace
}  // namespace gantry::kube
