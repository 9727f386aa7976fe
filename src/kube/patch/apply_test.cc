// SPDX-License-Identifier: Apache-2.0
#include "kube/patch/apply.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "kube/patch/test_kind.h"

namespace gantry::kube {
namespace {

json::Tree tree(std::string text) {
  auto parsed = json::Tree::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? std::move(*parsed) : json::Tree();
}
// `spec`: its members.
json::Tree object(std::string spec, std::string metadata = "") {
  return tree(fmt::format(
      R"({{"apiVersion":"apps/v1","kind":"Deployment","metadata":{{"name":"web"{}}},"spec":{{{}}}}})",
      metadata.empty() ? "" : "," + metadata, spec));
}

FieldManager manager(std::string name) {
  return {.name = std::move(name),
          .api_version = "apps/v1",
          .subresource = "",
          .time = "2026-11-21T10:00:00Z",
          .without = {"status"}};
}

std::string spec_of(const json::Tree& object) { return object.find("spec")->to_text(); }

class Applying : public ::testing::Test {
 protected:
  // "applied", "unchanged", or the error's message.
  std::string apply_as(std::string name, const json::Tree& config,
                       OnConflict on_conflict = OnConflict::Refuse) {
    auto result =
        apply(TestKind::type(), has_live_ ? &live_ : nullptr, config, manager(std::move(name)), on_conflict);
    if (!result) {
      causes_ = result.error()->causes;
      return fmt::format("{} {}", result.error()->code, result.error()->message);
    }
    if (!*result) return "unchanged";
    live_ = std::move(**result);
    has_live_ = true;
    return "applied";
  }
  void update_as(std::string name, json::Tree object) {
    (void)track_update(TestKind::type(), has_live_ ? &live_ : nullptr, object, manager(std::move(name)));
    live_ = std::move(object);
    has_live_ = true;
  }
  json::Tree live_;
  bool has_live_ = false;
  std::vector<Cause> causes_;
};

TEST_F(Applying, CreatesAndThenChangesNothing) {
  const json::Tree config = object(R"("replicas":1,"containers":[{"name":"a","image":"1"}])");
  EXPECT_EQ(apply_as("me", config), "applied");
  EXPECT_EQ(
      live_.find("metadata", "managedFields")->to_text(),
      R"([{"apiVersion":"apps/v1","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{"f:containers":{"k:{\"name\":\"a\"}":)"
      R"({".":{},"f:image":{},"f:name":{}}},"f:replicas":{}}},"manager":"me","operation":"Apply","time":"2026-11-21T10:00:00Z"}])");
  EXPECT_EQ(apply_as("me", config), "unchanged");
}

TEST_F(Applying, WhoSaysNothingChangesNothing) {
  update_as("somebody", object(R"("replicas":1)"));
  EXPECT_EQ(apply_as("me", tree(R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web"}})")),
            "unchanged");
}

TEST_F(Applying, WhatIsNotSaidAnyMoreGoes) {
  EXPECT_EQ(apply_as("me", object(R"("replicas":1,"containers":[{"name":"a"},{"name":"b","image":"1"}])",
                                  R"("labels":{"x":"y"})")),
            "applied");
  EXPECT_EQ(apply_as("me", object(R"("containers":[{"name":"b"}])")), "applied");
  EXPECT_EQ(spec_of(live_), R"({"containers":[{"name":"b"}]})");
  EXPECT_EQ(live_.find("metadata", "labels"), nullptr);
}

TEST_F(Applying, WhatOthersHaveStays) {
  EXPECT_EQ(apply_as("me", object(R"("replicas":1,"containers":[{"name":"a","image":"1"}])")), "applied");
  json::Tree more = live_;
  more.object()["spec"].object()["containers"].array().front().object()["args"].array().push_back("x");
  more.object()["spec"].object()["containers"].array().push_back(tree(R"({"name":"z"})"));
  update_as("other", more);
  // The container is mine no more, but other's arguments are in it.
  EXPECT_EQ(apply_as("me", object(R"("replicas":1,"containers":[{"name":"c"}])")), "applied");
  EXPECT_EQ(spec_of(live_),
            R"({"containers":[{"args":["x"],"name":"a"},{"name":"z"},{"name":"c"}],"replicas":1})");
}

TEST_F(Applying, OthersValuesAreConflicts) {
  update_as("kubectl-client-side-apply", object(R"("replicas":1,"containers":[{"name":"a","image":"1"}])"));
  EXPECT_EQ(apply_as("me", object(R"("replicas":2)")),
            "409 Apply failed with 1 conflict: conflict with \"kubectl-client-side-apply\" using apps/v1 at "
            "2026-11-21T10:00:00Z: .spec.replicas");
  ASSERT_EQ(causes_.size(), 1u);
  EXPECT_EQ(causes_.front().reason, "FieldManagerConflict");
  EXPECT_EQ(causes_.front().field, ".spec.replicas");
  EXPECT_EQ(
      apply_as("me", object(R"("replicas":2,"containers":[{"name":"a","image":"2"}])")),
      "409 Apply failed with 2 conflicts: conflicts with \"kubectl-client-side-apply\" using apps/v1 at "
      "2026-11-21T10:00:00Z:\n- .spec.containers[name=\"a\"].image\n- .spec.replicas");
  // The same value is shared.
  EXPECT_EQ(apply_as("me", object(R"("replicas":1)")), "applied");
  EXPECT_EQ(apply_as("me", object(R"("replicas":2)"), OnConflict::Force), "applied");
  EXPECT_EQ(spec_of(live_), R"({"containers":[{"image":"1","name":"a"}],"replicas":2})");
  EXPECT_EQ(live_.find("metadata", "managedFields")->array().back().find("fieldsV1", "f:spec", "f:replicas"),
            nullptr);
  // Now it is mine alone: it goes when I do not say it.
  EXPECT_EQ(apply_as("me", object("")), "applied");
  EXPECT_EQ(spec_of(live_), R"({"containers":[{"image":"1","name":"a"}]})");
}

TEST_F(Applying, TwoAppliersShareAValueUntilOneDropsIt) {
  EXPECT_EQ(apply_as("one", object(R"("replicas":1)")), "applied");
  EXPECT_EQ(apply_as("two", object(R"("replicas":1)")), "applied");
  EXPECT_EQ(apply_as("one", object(R"("replicas":2)")),
            "409 Apply failed with 1 conflict: conflict with \"two\": .spec.replicas");
  EXPECT_EQ(apply_as("one", object("")), "applied");
  EXPECT_EQ(spec_of(live_), R"({"replicas":1})");
  EXPECT_EQ(apply_as("two", object("")), "applied");
  EXPECT_EQ(spec_of(live_), "{}");
}

TEST_F(Applying, AnObjectThatNobodyWasWrittenDownForWasThereBefore) {
  live_ = object(R"("replicas":1)");
  has_live_ = true;
  EXPECT_EQ(apply_as("me", object(R"("replicas":2)")),
            "409 Apply failed with 1 conflict: conflict with \"before-first-apply\" using apps/v1 at "
            "2026-11-21T10:00:00Z: "
            ".spec.replicas");
}

TEST_F(Applying, KubectlMayTakeWhatItAppliedOnItsOwnSide) {
  const std::string annotation =
      R"("annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\"spec\":{\"replicas\":1}}"})";
  update_as("kubectl-client-side-apply", object(R"("replicas":1)", annotation));
  EXPECT_NE(apply_as("me", object(R"("replicas":2)")), "applied");
  EXPECT_EQ(apply_as("kubectl", object(R"("replicas":2)")), "applied");
  EXPECT_NE(live_.text_at("metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration")
                .find("\"replicas\":2"),
            std::string::npos);
}

TEST_F(Applying, AtomsAreReplacedAsAWhole) {
  EXPECT_EQ(apply_as("me", object(R"("selector":{"a":"b"},"containers":[{"name":"a","args":["x","y"]}])")),
            "applied");
  EXPECT_EQ(apply_as("me", object(R"("selector":{"c":"d"},"containers":[{"name":"a","args":["z"]}])")),
            "applied");
  EXPECT_EQ(spec_of(live_), R"({"containers":[{"args":["z"],"name":"a"}],"selector":{"c":"d"}})");
}

TEST_F(Applying, SetsAndOrdersGrowTogether) {
  update_as("other", object("", R"("finalizers":["a","b"])"));
  EXPECT_EQ(apply_as("me", object("", R"("finalizers":["c","b"])")), "applied");
  EXPECT_EQ(live_.find("metadata", "finalizers")->to_text(), R"(["a","c","b"])");
  EXPECT_EQ(apply_as("me", object("")), "applied");
  EXPECT_EQ(live_.find("metadata", "finalizers")->to_text(), R"(["a","b"])");
}

TEST_F(Applying, WhatCannotBeAppliedIsRefused) {
  EXPECT_EQ(
      apply_as("me", object(R"("containers":[{"name":"a"},{"name":"a"}])")),
      "400 failed to create typed patch object: .spec.containers: duplicate entries for key [name=\"a\"]");
  EXPECT_EQ(apply_as("me", object(R"("containers":[{"image":"a"}])")),
            "400 failed to create typed patch object: .spec.containers: element 0: associative list with "
            "keys has an element "
            "that omits key field \"name\"");
  EXPECT_EQ(apply_as("me", object("", R"("managedFields":[{}])")), "400 metadata.managedFields must be nil");
}

}  // namespace
}  // namespace gantry::kube
