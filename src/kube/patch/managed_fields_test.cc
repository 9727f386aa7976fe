// SPDX-License-Identifier: Apache-2.0
#include "kube/patch/managed_fields.h"

#include <gtest/gtest.h>

#include "kube/patch/test_kind.h"

namespace gantry::kube {
namespace {

json::Tree tree(std::string text) {
  auto parsed = json::Tree::parse(std::move(text));
  EXPECT_TRUE(parsed) << text;
  return parsed ? std::move(*parsed) : json::Tree();
}

FieldManager manager(std::string name, std::string time = "2026-11-21T10:00:00Z") {
  return {.name = std::move(name),
          .api_version = "apps/v1",
          .subresource = "",
          .time = std::move(time),
          .without = {"status"}};
}

// "kubectl {fields}; other {fields}".
std::string managers_of(const json::Tree& object) {
  std::string text;
  if (const json::Tree* entries = object.find("metadata", "managedFields"))
    for (const json::Tree& entry : entries->array())
      text.append(text.empty() ? "" : "; ")
          .append(entry.text_at("manager"))
          .append(" ")
          .append(entry.find("fieldsV1")->to_text());
  return text;
}

TEST(ManagedFields, WhoCreatesOwnsWhatHeSets) {
  json::Tree object = tree(
      R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","labels":{"app":"web"}},)"
      R"("spec":{"replicas":1,"selector":{"app":"web"},"containers":[{"name":"a","image":"i","ports":[{"containerPort":80}]}]},"status":{"replicas":3}})");
  (void)track_update(TestKind::type(), nullptr, object, manager("kubectl"));
  EXPECT_EQ(
      object.find("metadata", "managedFields")->array().front().to_text(),
      R"({"apiVersion":"apps/v1","fieldsType":"FieldsV1","fieldsV1":{"f:metadata":{"f:labels":{".":{},"f:app":{}}},)"
      R"("f:spec":{"f:containers":{"k:{\"name\":\"a\"}":{".":{},"f:image":{},"f:name":{},)"
      R"("f:ports":{"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{".":{},"f:containerPort":{}}}}},)"
      R"("f:replicas":{},"f:selector":{}}},)"
      R"("manager":"kubectl","operation":"Update","time":"2026-11-21T10:00:00Z"})");
}

TEST(ManagedFields, WhatChangesHandsGoes) {
  json::Tree live =
      tree(R"({"metadata":{"name":"web"},"spec":{"replicas":1,"containers":[{"name":"a","image":"1"}]}})");
  (void)track_update(TestKind::type(), nullptr, live, manager("first"));
  json::Tree object = tree(
      R"({"metadata":{"name":"web"},"spec":{"replicas":2,"containers":[{"name":"a","image":"1","args":["x"]}]}})");
  (void)track_update(TestKind::type(), &live, object, manager("second", "2026-11-21T11:00:00Z"));
  EXPECT_EQ(managers_of(object),
            R"(first {"f:spec":{"f:containers":{"k:{\"name\":\"a\"}":{".":{},"f:image":{},"f:name":{}}}}}; )"
            R"(second {"f:spec":{"f:containers":{"k:{\"name\":\"a\"}":{"f:args":{}}},"f:replicas":{}}})");
  // Who changes nothing leaves no trace.
  json::Tree same = object;
  (void)track_update(TestKind::type(), &object, same, manager("third"));
  EXPECT_EQ(same, object);
  // What goes belongs to nobody.
  json::Tree less = tree(R"({"metadata":{"name":"web"},"spec":{"replicas":2}})");
  (void)track_update(TestKind::type(), &object, less, manager("third"));
  EXPECT_EQ(managers_of(less), R"(second {"f:spec":{"f:replicas":{}}})");
}

TEST(ManagedFields, StatusThatCannotBeSetIsNobodys) {
  json::Tree live = tree(R"({"metadata":{"name":"web"},"spec":{"replicas":1}})");
  (void)track_update(TestKind::type(), nullptr, live, manager("first"));
  json::Tree object = live;
  object.object()["status"].object()["replicas"] = 1;
  FieldManager controller = manager("controller");
  controller.subresource = "status";
  controller.without = {"spec"};
  (void)track_update(TestKind::type(), &live, object, controller);
  EXPECT_EQ(managers_of(object),
            R"(controller {"f:status":{"f:replicas":{}}}; first {"f:spec":{"f:replicas":{}}})");
}

TEST(ManagedFields, CanBeTakenAway) {
  json::Tree live = tree(R"({"metadata":{"name":"web"},"spec":{"replicas":1}})");
  (void)track_update(TestKind::type(), nullptr, live, manager("first"));
  json::Tree object = tree(R"({"metadata":{"name":"web","managedFields":[{}]},"spec":{"replicas":2}})");
  (void)track_update(TestKind::type(), &live, object, manager("second"));
  EXPECT_EQ(managers_of(object), "");
  json::Tree later = tree(R"({"metadata":{"name":"web"},"spec":{"replicas":3}})");
  (void)track_update(TestKind::type(), &object, later, manager("third"));
  EXPECT_EQ(managers_of(later), "");
}

TEST(ManagedFields, TheOldestOfManyBecomeOne) {
  json::Tree object = tree(R"({"metadata":{"name":"web"},"spec":{"replicas":0}})");
  (void)track_update(TestKind::type(), nullptr, object, manager("first"));
  for (int i = 0; i < 20; ++i) {
    json::Tree next = object;
    next.object()["metadata"].object()["labels"].object()["l" + std::to_string(i)] = "x";
    (void)track_update(TestKind::type(), &object, next,
                       manager("m" + std::to_string(i), "2026-11-21T11:" + std::to_string(10 + i) + ":00Z"));
    object = std::move(next);
  }
  const json::TreeArray& entries = object.find("metadata", "managedFields")->array();
  ASSERT_EQ(entries.size(), kUpdateManagers);
  EXPECT_EQ(entries.front().text_at("manager"), "ancient-changes");
  EXPECT_EQ(entries.front().find("fieldsV1", "f:spec", "f:replicas")->to_text(), "{}");
  EXPECT_EQ(entries.back().text_at("manager"), "m19");
}

}  // namespace
}  // namespace gantry::kube
