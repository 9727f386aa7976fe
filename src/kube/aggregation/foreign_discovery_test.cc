// SPDX-License-Identifier: Apache-2.0
#include "kube/aggregation/foreign_discovery.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::kube {
namespace {

TEST(ForeignDiscovery, SaysTheSameInTheWordsOfTheOneDocument) {
  EXPECT_EQ(MUST(resources_of(R"({"kind":"APIResourceList","groupVersion":"example.com/v1","resources":[
      {"name":"things/scale","singularName":"","namespaced":true,"group":"autoscaling","version":"v1",
       "kind":"Scale","verbs":["get","patch"]},
      {"name":"things","singularName":"thing","namespaced":true,"kind":"Thing","verbs":["get","list"],
       "shortNames":["th"]},
      {"name":"orphans/status","kind":"Orphan","verbs":["get"]},{"name":"","kind":"Nothing"}]})",
                              "example.com", "v1")),
            R"([{"resource":"things","responseKind":{"group":"example.com","kind":"Thing","version":"v1"},)"
            R"("scope":"Namespaced","shortNames":["th"],"singularResource":"thing","subresources":[)"
            R"({"responseKind":{"group":"autoscaling","kind":"Scale","version":"v1"},"subresource":"scale",)"
            R"("verbs":["get","patch"]}],"verbs":["get","list"]}])");
}

TEST(ForeignDiscovery, IsRefusedWhereItIsNone) {
  EXPECT_FALSE(resources_of("<html>", "example.com", "v1"));
  EXPECT_FALSE(resources_of(R"({"kind":"Status","code":403})", "example.com", "v1"));
  EXPECT_EQ(MUST(resources_of(R"({"kind":"APIResourceList","resources":7})", "example.com", "v1")), "[]");
}

TEST(ForeignDiscovery, FindsTheHashOfAnOpenApiDocument) {
  const char* index =
      R"({"paths":{"apis/example.com/v1":{"serverRelativeURL":"/openapi/v3/apis/example.com/v1?hash=A%3D"}}})";
  EXPECT_EQ(openapi_hash(index, "example.com", "v1"), "A=");
  EXPECT_EQ(openapi_hash(index, "example.com", "v2"), "");
  EXPECT_EQ(openapi_hash("no index", "example.com", "v1"), "");
  EXPECT_EQ(openapi_hash(R"({"paths":{"apis/example.com/v1":{}}})", "example.com", "v1"), "unknown");
}

}  // namespace
}  // namespace gantry::kube
