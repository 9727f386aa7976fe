// SPDX-License-Identifier: Apache-2.0
#include "kube/http/request_info.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::kube {
namespace {

// "verb group/version namespace resource/subresource name rest", with '-' for what is empty.
std::string read(std::string_view method, std::string_view target) {
  const std::size_t end = std::min(target.find('?'), target.size());
  const http::Query query = MUST(http::Query::parse(target.substr(std::min(end + 1, target.size()))));
  const RequestInfo info = MUST(read_request_info(method, target.substr(0, end), query));
  const auto word = [](const std::string& text) { return text.empty() ? "-" : text.c_str(); };
  if (!info.is_resource) return fmt::format("{} {}", info.verb, info.path);
  return fmt::format("{} {}/{} {} {}/{} {} {}", info.verb, word(info.group), info.version,
                     word(info.name_space), info.resource, word(info.subresource), word(info.name),
                     word(info.rest));
}

TEST(RequestInfo, KnowsCollectionsAndObjects) {
  EXPECT_EQ(read("GET", "/api/v1/pods"), "list -/v1 - pods/- - -");
  EXPECT_EQ(read("GET", "/api/v1/namespaces/default/pods"), "list -/v1 default pods/- - -");
  EXPECT_EQ(read("POST", "/api/v1/namespaces/default/pods"), "create -/v1 default pods/- - -");
  EXPECT_EQ(read("GET", "/apis/apps/v1/namespaces/a/deployments/web"), "get apps/v1 a deployments/- web -");
  EXPECT_EQ(read("PUT", "/apis/apps/v1/namespaces/a/deployments/web/scale"),
            "update apps/v1 a deployments/scale web -");
  EXPECT_EQ(read("PATCH", "/api/v1/nodes/n1/status"), "patch -/v1 - nodes/status n1 -");
  EXPECT_EQ(read("DELETE", "/api/v1/nodes"), "deletecollection -/v1 - nodes/- - -");
  EXPECT_EQ(read("DELETE", "/api/v1/nodes/n1"), "delete -/v1 - nodes/- n1 -");
}

TEST(RequestInfo, ANamespaceIsAnObjectAndAPlace) {
  EXPECT_EQ(read("GET", "/api/v1/namespaces"), "list -/v1 - namespaces/- - -");
  EXPECT_EQ(read("GET", "/api/v1/namespaces/a"), "get -/v1 a namespaces/- a -");
  EXPECT_EQ(read("PUT", "/api/v1/namespaces/a/finalize"), "update -/v1 a namespaces/finalize a -");
  EXPECT_EQ(read("PUT", "/api/v1/namespaces/a/status"), "update -/v1 a namespaces/status a -");
}

TEST(RequestInfo, KnowsWatches) {
  EXPECT_EQ(read("GET", "/api/v1/pods?watch=true"), "watch -/v1 - pods/- - -");
  EXPECT_EQ(read("GET", "/api/v1/pods?watch=0"), "list -/v1 - pods/- - -");
  EXPECT_EQ(read("GET", "/api/v1/watch/namespaces/a/pods"), "watch -/v1 a pods/- - -");
  EXPECT_EQ(read("GET", "/api/v1/namespaces/a/pods?watch=1&fieldSelector=metadata.name%3Dweb"),
            "watch -/v1 a pods/- web -");
}

TEST(RequestInfo, KnowsWhatIsBehindASubresource) {
  EXPECT_EQ(read("GET", "/api/v1/namespaces/a/services/https:web:8080/proxy/some/path"),
            "get -/v1 a services/proxy https:web:8080 some/path");
}

TEST(RequestInfo, EverythingElseIsAPath) {
  EXPECT_EQ(read("GET", "/"), "get /");
  EXPECT_EQ(read("GET", "/healthz"), "get /healthz");
  EXPECT_EQ(read("GET", "/api/v1"), "get /api/v1");
  EXPECT_EQ(read("GET", "/apis/apps/v1/"), "get /apis/apps/v1/");
  EXPECT_EQ(read("OPTIONS", "/api/v1/pods"), "options /api/v1/pods");
  const http::Query none = MUST(http::Query::parse(""));
  EXPECT_FALSE(read_request_info("GET", "/api/v1/pods/%zz", none));
}

}  // namespace
}  // namespace gantry::kube
