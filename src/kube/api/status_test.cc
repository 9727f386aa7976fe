// SPDX-License-Identifier: Apache-2.0
#include "kube/api/status.h"

#include <gtest/gtest.h>

namespace gantry::kube {
namespace {

TEST(Status, SaysWhatClientsRead) {
  EXPECT_EQ(not_found({"", "pods"}, "web").to_tree().to_text(),
            R"({"apiVersion":"v1","code":404,"details":{"kind":"pods","name":"web"},"kind":"Status",)"
            R"("message":"pods \"web\" not found","metadata":{},"reason":"NotFound","status":"Failure"})");
  EXPECT_EQ(conflict({"apps", "deployments"}, "web", "it has changed")->message,
            R"(Operation cannot be fulfilled on deployments.apps "web": it has changed)");
  EXPECT_EQ(forbidden({"", "pods"}, "", "no")->message, "pods is forbidden: no");
}

TEST(Status, AnInvalidObjectNamesEveryCause) {
  const Cause missing{"FieldValueRequired", "Required value", "spec.containers[0].name"};
  const Cause wrong{"FieldValueInvalid", "Invalid value: -1", "spec.replicas"};
  const Status one = invalid("", "Pod", "web", {missing});
  EXPECT_EQ(one->message, R"(Pod "web" is invalid: spec.containers[0].name: Required value)");
  const Status two = invalid("apps", "Deployment", "web", {missing, wrong});
  EXPECT_EQ(two->message, R"(Deployment.apps "web" is invalid: [spec.containers[0].name: Required value, )"
                          R"(spec.replicas: Invalid value: -1])");
  EXPECT_EQ(two->causes.size(), 2u);
}

Answer<int> seven_or(Result<void> outcome) {
  TRY(std::move(outcome));
  return 7;
}

TEST(Status, AnErrorOfAnotherPartBecomesOne) {
  EXPECT_EQ(*seven_or({}), 7);
  const auto failed = seven_or(error(Code::Unavailable, "the store is away"));
  EXPECT_EQ(failed.error()->code, 503);
  EXPECT_EQ(failed.error()->reason, "ServiceUnavailable");
  EXPECT_EQ(failed.error()->message, "the store is away");
}

}  // namespace
}  // namespace gantry::kube
