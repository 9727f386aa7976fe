// SPDX-License-Identifier: Apache-2.0
#include "kube/admission/followed_objects.h"

#include <gtest/gtest.h>

namespace gantry::kube::admission {
namespace {

// It has one object, and says nothing of it: as it is for a moment when one was made.
class Silent final : public ObjectSource {
 public:
  std::optional<json::Tree> get(std::string_view, std::string_view, std::string_view name) const override {
    return name == "new" ? std::optional(json::Tree("it")) : std::nullopt;
  }
  std::vector<json::Tree> list(std::string_view, std::string_view) const override { return {}; }
  std::unique_ptr<ObjectFollower> follow_selected(std::string_view, FieldSelector, TellOfChange) override {
    return std::make_unique<ObjectFollower>();
  }
};

TEST(FollowedObjects, what_has_just_been_made_is_found_before_anybody_has_told_of_it) {
  Silent source;
  const FollowedObjects objects(source, "namespaces");
  EXPECT_NE(objects.find("", "new"), nullptr);
  EXPECT_EQ(objects.find("", "none"), nullptr);
}

}  // namespace
}  // namespace gantry::kube::admission
