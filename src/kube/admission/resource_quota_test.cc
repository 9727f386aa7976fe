// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "kube/admission/plugins.h"
#include "kube/admission/quota_usage.h"
#include "kube/admission/test_request.h"
#include "kube/api/test_objects.h"

namespace gantry::kube::admission {
namespace {

using testing::TestObjects;

constexpr const char* kPod =
    R"({"metadata":{"name":"web"},"spec":{"containers":[{"name":"a","resources":{"requests":{"cpu":"500m"}}}]}})";

std::string quota(const char* hard, const char* used, const char* scopes = "[]") {
  return fmt::format(
      R"({{"metadata":{{"namespace":"default","name":"q","uid":"u"}},"spec":{{"hard":{0},"scopes":{2}}},)"
      R"("status":{{"used":{1}}}}})",
      hard, used, scopes);
}

class ResourceQuotaTest : public ::testing::Test {
 protected:
  void put(const std::string& text) { objects_.put("resourcequotas", text); }
  std::string used() const {
    return objects_.get("resourcequotas", "default", "q")->find("status", "used")->to_text();
  }

  TestObjects objects_;
  int conflicts_ = 0;  // so many writes are too late
  std::unique_ptr<Plugin> plugin_ = resource_quota(objects_, [this](json::Tree changed) -> Answer<void> {
    if (conflicts_-- > 0) return conflict({"", "resourcequotas"}, "q", "somebody was faster");
    put(changed.to_text());
    return {};
  });
};

TEST_F(ResourceQuotaTest, counts_what_is_made) {
  put(quota(R"({"pods":"2","requests.cpu":"1"})", R"({"pods":"1","requests.cpu":"100m"})"));
  EXPECT_EQ(TestRequest("pods", kPod).validate(*plugin_), "");
  EXPECT_EQ(used(), R"({"pods":"2","requests.cpu":"600m"})");
}

TEST_F(ResourceQuotaTest, refuses_what_is_too_much) {
  for (const char* const name : {"a", "b"})
    objects_.put("pods", fmt::format(R"({{"metadata":{{"namespace":"default","name":"{}"}}}})", name));
  put(quota(R"({"pods":"2","requests.cpu":"1"})", R"({"pods":"2","requests.cpu":"100m"})"));
  EXPECT_EQ(TestRequest("pods", kPod).validate(*plugin_),
            "pods \"web\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2");
  EXPECT_EQ(used(), R"({"pods":"2","requests.cpu":"100m"})");
}

TEST_F(ResourceQuotaTest, wants_pods_to_say_what_it_limits) {
  put(quota(R"({"limits.cpu":"2","limits.memory":"1Gi"})", "{}"));
  EXPECT_EQ(
      TestRequest("pods", kPod).validate(*plugin_),
      "pods \"web\" is forbidden: failed quota: q: must specify limits.cpu for: a; limits.memory for: a");
}

TEST_F(ResourceQuotaTest, counts_again_when_somebody_was_faster) {
  put(quota(R"({"pods":"2"})", "{}"));
  conflicts_ = 300;
  EXPECT_EQ(TestRequest("pods", kPod).validate(*plugin_), "");
  EXPECT_EQ(used(), R"({"pods":"1"})");
}

TEST_F(ResourceQuotaTest, counts_what_is_there_when_nobody_has) {
  objects_.put("pods", R"({"metadata":{"namespace":"default","name":"a"}})");
  objects_.put("pods", R"({"metadata":{"namespace":"default","name":"b"},"status":{"phase":"Succeeded"}})");
  put(quota(R"({"pods":"2"})", "{}"));
  EXPECT_EQ(TestRequest("pods", kPod).validate(*plugin_), "");
  EXPECT_EQ(used(), R"({"pods":"2"})") << "what has ended costs nothing";
}

TEST_F(ResourceQuotaTest, counts_what_is_there_before_it_refuses) {
  put(quota(R"({"pods":"2"})", R"({"pods":"2"})"));
  objects_.put("pods", R"({"metadata":{"namespace":"default","name":"a"}})");
  EXPECT_EQ(TestRequest("pods", kPod).validate(*plugin_), "") << "one has gone since";
  EXPECT_EQ(used(), R"({"pods":"2"})");
  EXPECT_NE(TestRequest("pods", kPod).validate(*plugin_), "") << "but not again at once";
}

TEST_F(ResourceQuotaTest, counts_nothing_for_a_dry_run) {
  put(quota(R"({"pods":"2"})", R"({"pods":"1"})"));
  TestRequest request("pods", kPod);
  request.request().is_dry_run = true;
  EXPECT_EQ(request.validate(*plugin_), "");
  EXPECT_EQ(used(), R"({"pods":"1"})");
}

TEST_F(ResourceQuotaTest, counts_what_a_change_costs_more) {
  constexpr const char* kBefore =
      R"({"metadata":{"namespace":"default","name":"s"},"spec":{"type":"NodePort","ports":[{}]}})";
  objects_.put("services", kBefore);
  put(quota(R"({"services.loadbalancers":"1","services.nodeports":"1"})", R"({"services.nodeports":"1"})"));
  TestRequest request("services",
                      R"({"metadata":{"name":"s"},"spec":{"type":"LoadBalancer","ports":[{},{}]}})");
  EXPECT_EQ(request.from(kBefore).validate(*plugin_),
            "services \"s\" is forbidden: exceeded quota: q, requested: services.nodeports=1, "
            "used: services.nodeports=1, limited: services.nodeports=1");
}

TEST_F(ResourceQuotaTest, is_only_about_what_is_in_its_scope) {
  put(quota(R"({"pods":"0"})", "{}", R"(["BestEffort"])"));
  EXPECT_EQ(TestRequest("pods", kPod).validate(*plugin_), "");
  EXPECT_NE(TestRequest("pods", R"({"metadata":{"name":"w"},"spec":{"containers":[{"name":"a"}]}})")
                .validate(*plugin_),
            "");
  EXPECT_EQ(TestRequest("configmaps", R"({"metadata":{"name":"c"}})").validate(*plugin_), "");
}

TEST_F(ResourceQuotaTest, counts_objects_of_every_kind) {
  put(quota(R"({"count/deployments.apps":"0"})", "{}"));
  EXPECT_EQ(TestRequest("deployments.apps", R"({"metadata":{"name":"d"}})").validate(*plugin_),
            "deployments.apps \"d\" is forbidden: exceeded quota: q, requested: count/deployments.apps=1, "
            "used: count/deployments.apps=0, limited: count/deployments.apps=0");
}

}  // namespace
}  // namespace gantry::kube::admission
