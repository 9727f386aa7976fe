// SPDX-License-Identifier: Apache-2.0
#include "kube/views/discovery.h"

#include <gtest/gtest.h>

#include "kube/schema/catalog.h"

namespace gantry::kube::views {
namespace {

const Resource& widgets() {
  static const Resource resource{
      .kind = {"example.com", "v1", "Widget"},
      .plural = "widgets",
      .singular = "widget",
      .short_names = {"wd"},
      .categories = {"all"},
      .is_namespaced = true,
      .verbs = static_cast<VerbSet>(Verb::Get) | static_cast<VerbSet>(Verb::Create),
      .stored_kind = {"example.com", "v1", "Widget"},
      .subresources = {{.name = "scale",
                        .kind = {"autoscaling", "v1", "Scale"},
                        .verbs = static_cast<VerbSet>(Verb::Get)}},
  };
  return resource;
}

std::string_view body_of(const Page* page) { return page == nullptr ? "nothing" : page->body.view(); }

TEST(Discovery, has_a_document_for_each_group_and_version) {
  const Resource* const resources[] = {&widgets()};
  const Discovery discovery(resources, {}, "192.0.2.1:6443");
  EXPECT_EQ(body_of(discovery.find("/apis")),
            R"({"kind":"APIGroupList","apiVersion":"v1","groups":[{"name":"example.com",)"
            R"("versions":[{"groupVersion":"example.com/v1","version":"v1"}],)"
            R"("preferredVersion":{"groupVersion":"example.com/v1","version":"v1"}}]})");
  EXPECT_TRUE(body_of(discovery.find("/apis/example.com")).starts_with(R"({"kind":"APIGroup")"));
  EXPECT_EQ(body_of(discovery.find("/apis/example.com/v1")),
            R"({"kind":"APIResourceList","apiVersion":"v1","groupVersion":"example.com/v1","resources":[)"
            R"({"name":"widgets","singularName":"widget","namespaced":true,"kind":"Widget",)"
            R"("verbs":["create","get"],"shortNames":["wd"],"categories":["all"],)"
            R"("storageVersionHash":"gIwvi5rymmg="},)"
            R"({"name":"widgets/scale","singularName":"","namespaced":true,"group":"autoscaling",)"
            R"("version":"v1","kind":"Scale","verbs":["get"]}]})");
  EXPECT_EQ(discovery.find("/apis/example.com/v2"), nullptr);
}

TEST(Discovery, has_one_document_of_all_groups) {
  const Resource* const resources[] = {&widgets()};
  const Discovery discovery(resources, {}, "192.0.2.1:6443");
  EXPECT_EQ(body_of(discovery.find_aggregated("/apis")),
            R"({"kind":"APIGroupDiscoveryList","apiVersion":"apidiscovery.k8s.io/v2","metadata":{},"items":[)"
            R"({"metadata":{"name":"example.com","creationTimestamp":null},"versions":[{"version":"v1",)"
            R"("resources":[{"resource":"widgets","responseKind":{"group":"example.com","version":"v1",)"
            R"("kind":"Widget"},"scope":"Namespaced","singularResource":"widget","verbs":["create","get"],)"
            R"("shortNames":["wd"],"categories":["all"],"subresources":[{"subresource":"scale",)"
            R"("responseKind":{"group":"autoscaling","version":"v1","kind":"Scale"},"verbs":["get"]}]}],)"
            R"("freshness":"Current"}]}]})");
  EXPECT_EQ(discovery.find_aggregated("/apis/example.com"), nullptr);
}

TEST(Discovery, names_what_others_serve) {
  const ForeignVersion foreign[] = {{.group = "metrics.example.com", .version = "v1"}};
  const Discovery discovery({}, foreign, "192.0.2.1:6443");
  EXPECT_NE(discovery.find("/apis/metrics.example.com"), nullptr);
  EXPECT_EQ(discovery.find("/apis/metrics.example.com/v1"), nullptr) << "they have to be asked";
  EXPECT_NE(body_of(discovery.find_aggregated("/apis")).find(R"({"version":"v1","freshness":"Stale"})"),
            std::string_view::npos);
}

TEST(Discovery, of_the_built_in_kinds_tells_what_clients_know) {
  std::vector<const Resource*> resources;
  for (const Resource& resource : Catalog::built_in().resources()) resources.push_back(&resource);
  const Discovery discovery(resources, {}, "192.0.2.1:6443");
  EXPECT_EQ(body_of(discovery.find("/api")),
            R"({"kind":"APIVersions","versions":["v1"],"serverAddressByClientCIDRs":)"
            R"([{"clientCIDR":"0.0.0.0/0","serverAddress":"192.0.2.1:6443"}]})");
  // The hash of /v1/Pod, which every Kubernetes server has.
  EXPECT_NE(body_of(discovery.find("/api/v1")).find(R"("storageVersionHash":"xPOwRZ+Yhw8=")"),
            std::string_view::npos);
}

}  // namespace
}  // namespace gantry::kube::views
