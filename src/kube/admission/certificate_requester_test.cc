// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "kube/admission/plugins.h"
#include "kube/admission/test_request.h"

namespace gantry::kube::admission {
namespace {

constexpr const char* kRequests = "certificatesigningrequests.certificates.k8s.io";

TEST(CertificateRequester, nobody_says_himself_who_he_is) {
  TestRequest request(kRequests,
                      R"({"metadata":{"name":"c"},"spec":{"username":"root","uid":"0","request":"x"}})");
  request.by({.name = "alice", .groups = {"dev"}});
  EXPECT_EQ(request.mutate(*certificate_requester()), "");
  EXPECT_EQ(request.object().find("spec")->to_text(),
            R"({"groups":["dev"],"request":"x","username":"alice"})");
}

TEST(CertificateRequester, what_was_asked_for_stays) {
  TestRequest request(kRequests, R"({"metadata":{"name":"c"},"spec":{"username":"root"},"status":{"a":1}})");
  request.from(R"({"metadata":{"name":"c"},"spec":{"username":"alice"}})").to("status");
  EXPECT_EQ(request.mutate(*certificate_requester()), "");
  EXPECT_EQ(request.object().text_at("spec", "username"), "alice");
}

TEST(CertificateRequester, conditions_say_since_when) {
  TestRequest request(kRequests, R"({"status":{"conditions":[{"type":"Approved","status":"True"}]}})");
  request.from(R"({"status":{}})").to("approval");
  EXPECT_EQ(request.mutate(*certificate_requester()), "");
  const json::Tree& condition = request.object().find("status", "conditions")->array().front();
  EXPECT_EQ(condition.text_at("lastUpdateTime").size(), std::string_view("2026-11-22T10:20:30Z").size());
  EXPECT_EQ(condition.text_at("lastTransitionTime"), condition.text_at("lastUpdateTime"));
}

}  // namespace
}  // namespace gantry::kube::admission
