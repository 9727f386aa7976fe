// SPDX-License-Identifier: Apache-2.0
#include "kube/storage/object_text.h"

#include <gtest/gtest.h>

#include "kube/storage/object.h"
#include "testing/must.h"

namespace gantry::kube {
namespace {

TEST(ObjectText, what_is_kept_begins_with_what_it_is_and_has_no_revision) {
  const json::Tree tree = MUST(json::Tree::parse(
      R"({"addressType":"IPv4","apiVersion":"v1","kind":"X","metadata":{"resourceVersion":"7","name":"a"}})"));
  EXPECT_EQ(stored_text(tree),
            R"({"apiVersion":"v1","kind":"X","metadata":{"name":"a"},"addressType":"IPv4"})");
  EXPECT_EQ(stored_text(json::TreeObject()), R"({"apiVersion":"","kind":"","metadata":{}})");
}

TEST(ObjectText, the_revision_is_put_in_and_taken_out) {
  for (const char* text :
       {R"({"kind":"X","metadata":{}})", R"({"metadata":{"name":"a"},"spec":{"resourceVersion":"b"}})"}) {
    const ObjectRef object = MUST(Object::make("n/a", text, 42, {}));
    EXPECT_NE(object->json().view().find(R"("metadata":{"resourceVersion":"42")"), std::string_view::npos);
    EXPECT_EQ(object->text(), text);
    EXPECT_TRUE(json::Document::parse(std::string(object->json().view())));
    const ObjectRef later = object->at(4711, {});
    EXPECT_EQ(later->revision(), 4711);
    EXPECT_EQ(later->text(), text);
  }
}

TEST(ObjectText, labels_and_fields_are_found_where_they_are) {
  const std::vector<FieldPath> paths = {
      {"spec", "nodeName"}, {"status", "phase"}, {"spec", "hostNetwork"}, {"spec", "deep", "er"}, {"type"},
      {"metadata", "uid"}};
  const ObjectRef object = MUST(Object::make(
      "default/web",
      R"({"type":"T","metadata":{"uid":"u","labels":{"app":"web","x/y":""},"annotations":{"labels":"no"}},)"
      R"("spec":{"x":[{"nodeName":"no"},"\"}"],"hostNetwork":true,"nodeName":"n1","deep":{"er":7}},"status":{"phase":null}})",
      5, paths));
  EXPECT_EQ(object->name(), "web");
  EXPECT_EQ(object->name_space(), "default");
  EXPECT_EQ(object->label("app"), "web");
  EXPECT_EQ(object->label("x/y"), "");
  EXPECT_EQ(object->label("ap"), std::nullopt);
  EXPECT_EQ(object->field(0), "n1");
  EXPECT_EQ(object->field(1), "") << "null is nothing";
  EXPECT_EQ(object->field(2), "true");
  EXPECT_EQ(object->field(3), "7");
  EXPECT_EQ(object->field(4), "T");
  EXPECT_EQ(object->field(5), "u");
  EXPECT_EQ(MUST(Object::make("a", R"({"metadata":{}})", 1, paths))->label("app"), std::nullopt);
}

TEST(ObjectText, what_is_no_object_is_refused) {
  for (const char* text : {"", "{", "[]", "7", R"({"metadata":{})", R"({"metadata":7})", R"({"kind":"X"})",
                           R"({"metadata":{}}})", R"({"metadata":{"a":"b)", R"({"metadata":{"a\)",
                           R"({"metadata" {}})", R"({"metadata":{"labels":}})", R"({metadata:{}})"}) {
    EXPECT_FALSE(find_places(text, {})) << text;
  }
}

}  // namespace
}  // namespace gantry::kube
