// SPDX-License-Identifier: Apache-2.0
#include "kube/views/table.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::kube::views {
namespace {

constexpr const char* kObject =
    R"({"kind":"Thing","metadata":{"name":"a","creationTimestamp":"1970-01-01T00:00:00Z"},"spec":{"n":3}})";

std::string table_of(const Resource& resource, IncludeObject include) {
  TableWriter table(resource, include, 30);
  table.begin({.resource_version = "7"});
  EXPECT_TRUE(table.add(kObject));
  return std::move(table).finish();
}

TEST(Table, shows_name_and_age_where_there_are_no_columns) {
  EXPECT_EQ(table_of({}, IncludeObject::None),
            R"({"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"7"},)"
            R"("columnDefinitions":[)"
            R"({"name":"Name","type":"string","format":"name","description":"","priority":0},)"
            R"({"name":"Age","type":"date","format":"","description":"","priority":0}],)"
            R"("rows":[{"cells":["a","30s"]}]})");
}

TEST(Table, may_carry_objects_or_their_metadata) {
  EXPECT_TRUE(table_of({}, IncludeObject::Object).ends_with(std::string(R"("object":)") + kObject + "}]}"));
  EXPECT_TRUE(table_of({}, IncludeObject::Metadata)
                  .ends_with(R"("object":{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1",)"
                             R"("metadata":{"name":"a","creationTimestamp":"1970-01-01T00:00:00Z"}}}]})"));
  EXPECT_EQ(parse_include_object("All").error().message(), "unrecognized includeObject value: \"All\"");
}

TEST(Table, makes_of_values_what_columns_are) {
  const Resource resource{.columns = {
                              {.name = "Text", .type = "string", .value = ".spec.n"},
                              {.name = "Number", .type = "integer", .value = ".spec.n"},
                              {.name = "Flag", .type = "boolean", .value = ".spec.n"},
                              {.name = "Gone", .type = "string", .value = ".spec.m"},
                              {.name = "Broken", .type = "string", .value = ".spec["},
                              {.name = "Unheard", .type = "string", .value = "@of"},
                          }};
  EXPECT_TRUE(table_of(resource, IncludeObject::None)
                  .ends_with(R"("rows":[{"cells":["3",3,null,null,null,null]}]})"));
}

TEST(Table, leaves_columns_out_of_later_events) {
  const Resource resource;
  TableWriter table(resource, IncludeObject::None, 30);
  table.begin({}, false);
  EXPECT_EQ(
      std::move(table).finish(),
      R"({"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{},"columnDefinitions":null,"rows":[]})");
}

}  // namespace
}  // namespace gantry::kube::views
