// SPDX-License-Identifier: Apache-2.0
#include "kube/patch/field_set.h"

#include <gtest/gtest.h>

namespace gantry::kube {
namespace {

FieldSet set(const char* text) {
  auto read = FieldSet::from_tree(*json::Tree::parse(text));
  EXPECT_TRUE(read) << text;
  return read ? std::move(*read) : FieldSet();
}
std::string text(FieldSet fields) { return std::move(fields).to_tree().to_text(); }

TEST(FieldSet, IsReadAndWritten) {
  for (const char* json : {"{}", R"({"f:a":{}})",
                           R"({"f:a":{".":{},"f:b":{}},"f:c":{"k:{\"name\":\"web\"}":{".":{},"f:i":{}}}})",
                           R"({"f:l":{"i:3":{},"v:\"x\"":{},"v:5":{}}})"})
    EXPECT_EQ(text(set(json)), json);
  // A place that only says of itself that it is in the set is written short.
  EXPECT_EQ(text(set(R"({"f:a":{".":{}}})")), R"({"f:a":{}})");
}

TEST(FieldSet, OtherJsonIsNone) {
  for (const char* bad :
       {"[]", "1", R"({"a":{}})", R"({"f:a":1})", R"({"k:x":{}})", R"({"i:x":{}})", R"({"v:":{}})"})
    EXPECT_FALSE(FieldSet::from_tree(*json::Tree::parse(bad))) << bad;
}

TEST(FieldSet, UnitesSubtractsAndIntersects) {
  const FieldSet one = set(R"({"f:a":{".":{},"f:b":{}},"f:c":{}})");
  const FieldSet other = set(R"({"f:a":{"f:b":{},"f:d":{}},"f:e":{}})");
  EXPECT_EQ(text(FieldSet(one).unite(other)), R"({"f:a":{".":{},"f:b":{},"f:d":{}},"f:c":{},"f:e":{}})");
  EXPECT_EQ(text(FieldSet(one).subtract(other)), R"({"f:a":{},"f:c":{}})");
  EXPECT_EQ(text(one.intersected(other)), R"({"f:a":{"f:b":{}}})");
  EXPECT_TRUE(FieldSet(one).subtract(one).empty());
  EXPECT_TRUE(one.intersected(other).is_within(one));
  EXPECT_FALSE(one.is_within(other));
}

TEST(FieldSet, PathsReadAsPeopleWriteThem) {
  EXPECT_EQ(
      set(R"({"f:spec":{"f:l":{"k:{\"name\":\"web\",\"port\":80}":{".":{},"f:i":{}},"v:\"x\"":{},"i:2":{}}}})")
          .paths(),
      (std::vector<std::string>{".spec.l[2]", ".spec.l[name=\"web\",port=80]",
                                ".spec.l[name=\"web\",port=80].i", ".spec.l[=\"x\"]"}));
}

}  // namespace
}  // namespace gantry::kube
