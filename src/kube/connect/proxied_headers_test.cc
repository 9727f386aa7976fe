// SPDX-License-Identifier: Apache-2.0
#include "kube/connect/proxied_headers.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::kube {
namespace {

TEST(ProxiedHeaders, KeepCredentialsToThemselves) {
  http::HeaderMap headers = {{"Authorization", "Bearer secret"}, {"Accept", "*/*"},
                             {"impersonate-user", "root"},       {"X-Remote-Group", "system:masters"},
                             {"Cookie", "for=the pod"},          {"authorization", "Basic eDp5"}};
  remove_credentials(headers);
  ASSERT_EQ(headers.size(), 2u);
  EXPECT_TRUE(headers.has("Accept") && headers.has("Cookie"));
}

TEST(ProxiedHeaders, KeepATokenOfABrowserToThemselves) {
  http::HeaderMap headers = {
      {"Sec-WebSocket-Protocol",
       "base64url.bearer.authorization.k8s.io.c2VjcmV0, v5.channel.k8s.io,v4.channel.k8s.io"}};
  remove_credentials(headers);
  EXPECT_EQ(headers.get("Sec-WebSocket-Protocol"), "v5.channel.k8s.io, v4.channel.k8s.io");
  headers.set("Sec-WebSocket-Protocol", "base64url.bearer.authorization.k8s.io.c2VjcmV0");
  remove_credentials(headers);
  EXPECT_FALSE(headers.has("Sec-WebSocket-Protocol"));
}

TEST(ProxiedHeaders, LeadRedirectsBackThroughTheProxy) {
  const http::Url asked = MUST(http::Url::parse("http://10.0.0.1:8080/old"));
  const auto leads_to = [&](std::string_view location) {
    return proxied_location(location, "/api/v1/p/proxy", asked, "api.example:6443");
  };
  EXPECT_EQ(leads_to("/new?a=b"), "/api/v1/p/proxy/new?a=b");
  EXPECT_EQ(leads_to("http://10.0.0.1:8080/new"), "/api/v1/p/proxy/new");
  EXPECT_EQ(leads_to("https://api.example:6443/new"), "/api/v1/p/proxy/new");
  EXPECT_EQ(leads_to("http://10.0.0.1:8080/new#part"), "/api/v1/p/proxy/new#part");
  EXPECT_EQ(leads_to("/api/v1/p/proxy/new"), "");
  EXPECT_EQ(leads_to("new"), "");
  EXPECT_EQ(leads_to("https://example.com/"), "");
  EXPECT_EQ(leads_to("//example.com/"), "");
  EXPECT_EQ(leads_to(""), "");
}

}  // namespace
}  // namespace gantry::kube
