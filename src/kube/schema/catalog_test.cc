// SPDX-License-Identifier: Apache-2.0
#include "kube/schema/catalog.h"

#include <algorithm>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace gantry::kube {
namespace {

const Type* type_of(std::string_view group, std::string_view version, std::string_view plural) {
  const Resource* const resource = Catalog::built_in().find(group, version, plural);
  return resource == nullptr ? nullptr : resource->type;
}

TEST(Catalog, HasEveryGroupOfTheCorePlatform) {
  std::set<std::string> versions;
  for (const Resource& resource : Catalog::built_in().resources())
    versions.insert(resource.kind.api_version());
  const std::set<std::string> expected = {"v1",
                                          "apps/v1",
                                          "batch/v1",
                                          "autoscaling/v1",
                                          "autoscaling/v2",
                                          "policy/v1",
                                          "networking.k8s.io/v1",
                                          "discovery.k8s.io/v1",
                                          "coordination.k8s.io/v1",
                                          "rbac.authorization.k8s.io/v1",
                                          "storage.k8s.io/v1",
                                          "scheduling.k8s.io/v1",
                                          "node.k8s.io/v1",
                                          "events.k8s.io/v1",
                                          "certificates.k8s.io/v1",
                                          "authentication.k8s.io/v1",
                                          "authorization.k8s.io/v1",
                                          "admissionregistration.k8s.io/v1",
                                          "apiextensions.k8s.io/v1",
                                          "apiregistration.k8s.io/v1",
                                          "flowcontrol.apiserver.k8s.io/v1"};
  EXPECT_EQ(versions, expected);
}

TEST(Catalog, SaysWhatAPodIs) {
  const Resource* const pods = Catalog::built_in().find("", "v1", "pods");
  ASSERT_NE(pods, nullptr);
  EXPECT_EQ(pods->kind.kind, "Pod");
  EXPECT_EQ(pods->list_kind, "PodList");
  EXPECT_EQ(pods->singular, "pod");
  EXPECT_EQ(pods->stored_as, "pods");
  EXPECT_TRUE(pods->is_namespaced);
  EXPECT_TRUE(pods->is_kept);
  EXPECT_EQ(pods->verbs, kAllVerbs);
  EXPECT_EQ(pods->short_names, std::vector<std::string>{"po"});
  EXPECT_EQ(pods->categories, std::vector<std::string>{"all"});
  EXPECT_EQ(pods->columns.front().name, "Name");
  ASSERT_NE(pods->find_subresource("eviction"), nullptr);
  EXPECT_EQ(pods->find_subresource("eviction")->kind.api_version(), "policy/v1");
  EXPECT_EQ(pods->find_subresource("eviction")->verbs, static_cast<VerbSet>(Verb::Create));
  EXPECT_EQ(pods->find_subresource("nothing"), nullptr);
  EXPECT_EQ(pods->type->name, "io.k8s.api.core.v1.Pod");
  EXPECT_EQ(Catalog::built_in().find_kind("", "v1", "Pod"), pods);
  EXPECT_EQ(Catalog::built_in().find_type("io.k8s.api.core.v1.Pod"), pods->type);
}

TEST(Catalog, KnowsFieldsWithTheirNumbersListsAndDefaults) {
  const Field* const containers =
      Catalog::built_in().find_type("io.k8s.api.core.v1.PodSpec")->find("containers");
  ASSERT_NE(containers, nullptr);
  EXPECT_EQ(containers->number, 2U);
  EXPECT_TRUE(containers->is_required);
  EXPECT_EQ(containers->patch_strategy, PatchStrategy::Merge);
  EXPECT_EQ(containers->patch_merge_key, "name");
  EXPECT_EQ(containers->type->list_kind, ListKind::Map);
  EXPECT_EQ(containers->type->list_keys, std::vector<std::string>{"name"});
  const Field* const ports = containers->type->element->find("ports");
  EXPECT_EQ(ports->type->list_keys, (std::vector<std::string>{"containerPort", "protocol"}));
  EXPECT_EQ(*ports->type->element->find("protocol")->fallback, json::Tree("TCP"));
  EXPECT_TRUE(ports->type->has_defaults);
  EXPECT_FALSE(
      Catalog::built_in().find_type("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta")->has_defaults);
}

TEST(Catalog, ShowsFieldsOfInnerMessagesAsJsonDoes) {
  const Type* const volume = Catalog::built_in().find_type("io.k8s.api.core.v1.Volume");
  ASSERT_NE(volume->find("emptyDir"), nullptr);
  EXPECT_EQ(volume->find("emptyDir")->number, 2U);
  EXPECT_EQ(volume->find("emptyDir")->inside, std::vector<std::uint32_t>{2});
  EXPECT_TRUE(volume->find("name")->inside.empty());
  const Type* const rule =
      Catalog::built_in().find_type("io.k8s.api.admissionregistration.v1.NamedRuleWithOperations");
  EXPECT_EQ(rule->find("apiGroups")->inside, (std::vector<std::uint32_t>{2, 2}));
}

TEST(Catalog, OneTypeStandsForAllThatAreAlike) {
  const Type* const container = Catalog::built_in().find_type("io.k8s.api.core.v1.Container");
  EXPECT_EQ(container->find("args")->type, container->find("command")->type);
}

TEST(Catalog, KindsOfSeveralVersionsHaveOnePlaceInTheStore) {
  const Catalog& catalog = Catalog::built_in();
  const Resource* const v1 = catalog.find("autoscaling", "v1", "horizontalpodautoscalers");
  EXPECT_EQ(v1->stored_as, "autoscaling/horizontalpodautoscalers");
  EXPECT_EQ(v1->stored_kind.version, "v2");
  EXPECT_EQ(catalog.find("events.k8s.io", "v1", "events")->stored_as, "events");
}

TEST(Catalog, RequestsThatAreObjectsAreNotKept) {
  EXPECT_FALSE(Catalog::built_in().find("authentication.k8s.io", "v1", "tokenreviews")->is_kept);
  EXPECT_FALSE(Catalog::built_in().find("", "v1", "componentstatuses")->is_kept);
}

TEST(Catalog, FieldsAreSortedAndEveryKindHasMetadata) {
  for (const Resource& resource : Catalog::built_in().resources()) {
    EXPECT_TRUE(std::ranges::is_sorted(resource.type->fields, {}, &Field::name)) << resource.plural;
    EXPECT_NE(resource.type->find("metadata"), nullptr) << resource.plural;
    EXPECT_NE(resource.type->find("apiVersion"), nullptr) << resource.plural;
  }
}

TEST(Catalog, WhatIsNotThereIsNotFound) {
  EXPECT_EQ(type_of("", "v2", "pods"), nullptr);
  EXPECT_EQ(type_of("apps", "v1", "pods"), nullptr);
  EXPECT_EQ(Catalog::built_in().find_kind("apps", "v1", "Pod"), nullptr);
  EXPECT_EQ(Catalog::built_in().find_type("Pod"), nullptr);
}

}  // namespace
}  // namespace gantry::kube
