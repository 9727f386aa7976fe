// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/test_objects.h"

namespace gantry::kube::rules {
namespace {

Resource custom() { return resource("example.com", "Thing"); }

std::string faults_of(std::string metadata, const Resource& kind = custom()) {
  return faults(kind, tree(R"({"metadata":)" + metadata + "}"));
}

TEST(ObjectMeta, NeedsANameThatCanStandInAPath) {
  EXPECT_EQ(faults_of(R"({"namespace":"a"})"),
            "metadata.name: Required value: name or generateName is required");
  EXPECT_EQ(faults_of(R"({"namespace":"a","name":"x","generateName":"web-"})"), "");
  EXPECT_TRUE(faults_of(R"({"namespace":"a","name":"X"})")
                  .starts_with("metadata.name: Invalid value: \"X\": a lowercase RFC 1123"));
  EXPECT_EQ(faults_of(R"({"name":"x"})"), "metadata.namespace: Required value");
  EXPECT_EQ(faults_of(R"({"name":"x","namespace":"a"})", resource("", "Node", false)),
            "metadata.namespace: Forbidden: not allowed on this type");
}

TEST(ObjectMeta, WhatIsOnlyAskedNeedsNoName) {
  EXPECT_EQ(faults_of("{}", resource("authentication.k8s.io", "TokenReview", false)), "");
}

TEST(ObjectMeta, LabelsAndAnnotationsHaveTheirGrammar) {
  EXPECT_TRUE(faults_of(R"({"name":"x","namespace":"a","labels":{"a b":"c"}})")
                  .starts_with("metadata.labels: Invalid value: \"a b\": name part must consist of"));
  EXPECT_TRUE(faults_of(R"({"name":"x","namespace":"a","labels":{"a":"-"}})")
                  .starts_with("metadata.labels: Invalid value: \"-\": a valid label must be"));
  EXPECT_EQ(faults_of(R"({"name":"x","namespace":"a","annotations":{"Example.com/A":"any text"}})"), "");
  EXPECT_EQ(
      faults_of(R"({"name":"x","namespace":"a","annotations":{"a":")" + std::string(256 << 10, 'x') + "\"}}"),
      "metadata.annotations: Too long: may not be more than 262144 bytes");
}

TEST(ObjectMeta, OwnersAreNamedInFull) {
  EXPECT_EQ(
      faults_of(
          R"({"name":"x","namespace":"a","ownerReferences":[{"apiVersion":"apps/v1","kind":"","name":"n","uid":"u"}]})"),
      "metadata.ownerReferences[0].kind: Invalid value: \"\": must not be empty");
  EXPECT_TRUE(faults_of(R"({"name":"x","namespace":"a","ownerReferences":[)"
                        R"({"apiVersion":"v1","kind":"A","name":"n","uid":"u","controller":true},)"
                        R"({"apiVersion":"v1","kind":"B","name":"m","uid":"v","controller":true}]})")
                  .ends_with("Found \"true\" in references for A/n and B/m"));
  EXPECT_TRUE(faults_of(R"({"name":"x","namespace":"a","finalizers":["a b"]})")
                  .starts_with("metadata.finalizers: Invalid"));
}

TEST(ObjectMeta, IdentityDoesNotChange) {
  const json::Tree before = tree(
      R"({"metadata":{"name":"x","namespace":"a","uid":"1","deletionTimestamp":"t","finalizers":["a"]}})");
  EXPECT_EQ(
      faults(
          custom(),
          tree(
              R"({"metadata":{"name":"y","namespace":"a","uid":"2","deletionTimestamp":"t","finalizers":["b"]}})"),
          &before),
      "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found "
      "new "
      "finalizers []string{\"b\"}\n"
      "metadata.name: Invalid value: \"y\": field is immutable\n"
      "metadata.uid: Invalid value: \"2\": field is immutable");
}

TEST(Prepare, GenerationCountsChangesOfWhatIsWanted) {
  const Resource kind = custom();
  json::Tree created = tree(R"({"metadata":{"name":"x","generation":7},"spec":{"a":1},"status":{"b":1}})");
  prepare({kind, "", nullptr}, created);
  EXPECT_EQ(created.to_text(), R"({"metadata":{"generation":1,"name":"x"},"spec":{"a":1}})");

  json::Tree same = tree(R"({"metadata":{"name":"x","labels":{"l":"m"}},"spec":{"a":1},"status":{"b":2}})");
  prepare({kind, "", &created}, same);
  EXPECT_EQ(same.to_text(), R"({"metadata":{"generation":1,"labels":{"l":"m"},"name":"x"},"spec":{"a":1}})");

  json::Tree other = tree(R"({"metadata":{"name":"x"},"spec":{"a":2}})");
  prepare({kind, "", &created}, other);
  EXPECT_EQ(other.find("metadata", "generation")->as_int64(), 2);
}

TEST(Prepare, StatusChangesNothingElse) {
  const json::Tree before =
      tree(R"({"metadata":{"name":"x","generation":3,"labels":{"l":"m"}},"spec":{"a":1}})");
  json::Tree object =
      tree(R"({"metadata":{"name":"x","resourceVersion":"9"},"spec":{"a":2},"status":{"b":1}})");
  prepare({custom(), "status", &before}, object);
  EXPECT_EQ(
      object.to_text(),
      R"({"metadata":{"generation":3,"labels":{"l":"m"},"name":"x","resourceVersion":"9"},"spec":{"a":1},"status":{"b":1}})");
  EXPECT_EQ(unset_fields(custom(), ""), std::vector<std::string_view>{"status"});
  EXPECT_EQ(unset_fields(custom(), "status"), std::vector<std::string_view>{"spec"});
}

TEST(Prepare, WhatClientsNeedNotRepeatStays) {
  const json::Tree before =
      tree(R"({"metadata":{"name":"x","uid":"u","creationTimestamp":"t","deletionTimestamp":"d"}})");
  json::Tree object = tree(R"({"metadata":{"name":"x"}})");
  prepare({custom(), "", &before}, object);
  EXPECT_EQ(object.text_at("metadata", "uid"), "u");
  EXPECT_EQ(object.text_at("metadata", "deletionTimestamp"), "d");
}

}  // namespace
}  // namespace gantry::kube::rules
