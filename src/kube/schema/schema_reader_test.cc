// SPDX-License-Identifier: Apache-2.0
#include "kube/schema/schema_reader.h"

#include <string>

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::kube {
namespace {

constexpr std::string_view kMeta =
    "package io.meta.v1 meta.v1\n"
    "type ListMeta\n"
    "type ObjectMeta\n"
    "  name  string  1\n";

SchemaSet read(std::string_view text) {
  const EmbeddedText files[] = {{"meta", kMeta}, {"toys", text}};
  return MUST(read_schemas(files));
}

std::string mistake_in(std::string_view text) {
  const EmbeddedText files[] = {{"meta", kMeta}, {"toys", text}};
  const Result<SchemaSet> set = read_schemas(files);
  return set ? "" : set.error().message();
}

TEST(SchemaReader, ReadsTypesAndResources) {
  const SchemaSet set = read(
      "package io.toys.v1 toys.v1\n"
      "group toys.example v1\n"
      "\n"
      "# A comment.\n"
      "resource balls Ball namespaced\n"
      "  short b bl\n"
      "  deprecated 1.2 toys.example/v2 Marble\n"
      "  subresource roll Roll create\n"
      "  subresource status get update\n"
      "  column \"Its Size\" integer .size\n"
      "  wide   Skin string @skin .skin\n"
      "type Ball object -- something round\n"
      "  metadata  meta.v1.ObjectMeta  1\n"
      "  size      int32               2  required = 3 -- in centimetres\n"
      "  skin      string              3  zero {dotted|plain red} = \"plain red\"\n"
      "  owners    []string            4  set merge\n"
      "type Roll object\n");
  ASSERT_EQ(set.resources.size(), 1U);
  const Resource& balls = set.resources[0];
  EXPECT_EQ(balls.kind.api_version(), "toys.example/v1");
  EXPECT_EQ(balls.stored_as, "toys.example/balls");
  EXPECT_EQ(balls.short_names, (std::vector<std::string>{"b", "bl"}));
  EXPECT_EQ(balls.deprecation_warning,
            "toys.example/v1 Ball is deprecated in v1.2+; use toys.example/v2 Marble");
  EXPECT_EQ(balls.find_subresource("roll")->kind.kind, "Roll");
  EXPECT_EQ(balls.find_subresource("status")->kind.kind, "Ball");
  EXPECT_EQ(balls.columns[0].name, "Its Size");
  EXPECT_EQ(balls.columns[1].value, "@skin .skin");
  EXPECT_EQ(balls.columns[1].priority, 1);
  EXPECT_EQ(balls.type->name, "io.toys.v1.Ball");
  EXPECT_EQ(balls.type->description, "something round");
  const Field* const size = balls.type->find("size");
  EXPECT_EQ(size->number, 2U);
  EXPECT_TRUE(size->is_required);
  EXPECT_EQ(size->fallback->as_int64(), 3);
  EXPECT_EQ(size->description, "in centimetres");
  const Field* const skin = balls.type->find("skin");
  EXPECT_TRUE(skin->keeps_zero);
  EXPECT_EQ(skin->type->words, (std::vector<std::string>{"dotted", "plain red"}));
  EXPECT_EQ(skin->fallback->as_string(), "plain red");
  EXPECT_EQ(balls.type->find("owners")->patch_strategy, PatchStrategy::Merge);
  EXPECT_TRUE(set.names.contains("io.toys.v1.BallList"));
}

TEST(SchemaReader, TypesMayContainThemselves) {
  const SchemaSet set = read(
      "package io.toys.v1 toys.v1\n"
      "type Doll\n"
      "  inner  Doll   1\n"
      "  name   string 2  = \"Matryoshka\"\n");
  const Type* const doll = set.names.at("io.toys.v1.Doll");
  EXPECT_EQ(doll->find("inner")->type, doll);
  EXPECT_TRUE(doll->has_defaults);
}

TEST(SchemaReader, MistakesAreNamedWithTheirLine) {
  const std::string head = "package io.toys.v1 toys.v1\n";
  EXPECT_EQ(mistake_in(head + "thing A\n"), "toys:2: 'thing' is no statement");
  EXPECT_EQ(mistake_in(head + "  a string 1\n"), "toys:2: 'a' belongs to nothing");
  EXPECT_EQ(mistake_in(head + "type A\n  a string 1 optional\n"), "toys:3: 'optional' is no flag of a field");
  EXPECT_EQ(mistake_in(head + "type A\n  b B 1\n"), "the type 'toys.v1.B' is used and nowhere described");
  EXPECT_EQ(mistake_in(head + "type A\ntype A\n"), "toys:3: 'A' is described twice");
  EXPECT_EQ(mistake_in(head + "type A rule(none)\n"), "toys:2: no default rule is named 'none'");
  EXPECT_EQ(mistake_in(head + "resource as A\n"), "toys:2: a resource in a package without group");
  EXPECT_EQ(mistake_in(head + "type A\n  inline B 1\n  c string 2\ntype B\n  c string 1\n"),
            "'io.toys.v1.A' has two fields 'c'");
  EXPECT_NE(mistake_in(head + "type A\n  a string 1 = {\n"), "");
}

}  // namespace
}  // namespace gantry::kube
