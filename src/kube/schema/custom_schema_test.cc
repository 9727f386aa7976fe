// SPDX-License-Identifier: Apache-2.0
#include "kube/schema/custom_schema.h"

#include <gtest/gtest.h>

#include "kube/schema/decode.h"
#include "testing/must.h"

namespace gantry::kube {
namespace {

json::Tree tree(const char* text) { return MUST(json::Tree::parse(text)); }

const GroupVersionKind kCronTab{"stable.example.com", "v1", "CronTab"};

constexpr const char* kSchema = R"({"type":"object","properties":{
  "spec":{"type":"object","required":["cron"],"properties":{
    "cron":{"type":"string","pattern":"^a$","description":"when"},
    "replicas":{"type":"integer","format":"int32","minimum":1,"default":1},
    "port":{"x-kubernetes-int-or-string":true},
    "free":{"type":"object","x-kubernetes-preserve-unknown-fields":true,"properties":{"a":{"type":"object"}}},
    "limits":{"type":"object","additionalProperties":{"type":"object","properties":{
      "max":{"type":"number","default":1.5}}}},
    "any":{"x-kubernetes-preserve-unknown-fields":true},
    "template":{"type":"object","x-kubernetes-embedded-resource":true,"properties":{"spec":{"type":"object"}}},
    "nothing":{"type":"string","nullable":true,"default":"x"},
    "ports":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["name"],"items":{
      "type":"object","required":["name"],"properties":{"name":{"type":"string"}}}}}}}})";

TEST(CustomSchema, IsATypeLikeTheBuiltInOnes) {
  const CustomSchema schema(tree(kSchema), kCronTab);
  const Type& root = schema.type();
  EXPECT_EQ(root.name, "com.example.stable.v1.CronTab");
  EXPECT_NE(root.find("metadata")->type->find("labels"), nullptr);
  const Type& spec = *root.find("spec")->type;
  EXPECT_TRUE(spec.find("cron")->is_required);
  EXPECT_EQ(spec.find("cron")->description, "when");
  EXPECT_EQ(spec.find("cron")->type->constraints->pattern, "^a$");
  EXPECT_EQ(spec.find("replicas")->type->form, Form::Int32);
  EXPECT_EQ(spec.find("replicas")->type->constraints->minimum, 1);
  EXPECT_EQ(spec.find("port")->type->form, Form::IntOrString);
  EXPECT_EQ(spec.find("limits")->type->form, Form::Map);
  EXPECT_EQ(spec.find("any")->type->form, Form::Any);
  EXPECT_EQ(spec.find("ports")->type->list_kind, ListKind::Map);
  EXPECT_EQ(spec.find("ports")->type->list_keys, std::vector<std::string>{"name"});
  EXPECT_NE(spec.find("template")->type->find("metadata"), nullptr);
}

TEST(CustomSchema, DecodingDropsWhatItDoesNotKnowAndLeavesWrongFormsToValidation) {
  const CustomSchema schema(tree(kSchema), kCronTab);
  const Answer<Decoded> decoded =
      decode(schema.type(),
             R"({"metadata":{"name":"a"},"spec":{"cron":7,"x":1,"free":{"y":2,"a":{"z":3}},)"
             R"("any":{"k":[]},"nothing":null,"replicas":0}})",
             FieldValidation::Warn);
  EXPECT_EQ(decoded->object.to_text(),
            R"({"metadata":{"name":"a"},"spec":{"any":{"k":[]},"cron":7,"free":{"a":{},"y":2},)"
            R"("nothing":null,"replicas":0}})");
  EXPECT_EQ(decoded->warnings,
            (std::vector<std::string>{R"(unknown field "spec.free.a.z")", R"(unknown field "spec.x")"}));
}

TEST(CustomSchema, DefaultsAreFilledInAtEveryLevel) {
  const CustomSchema schema(tree(kSchema), kCronTab);
  json::Tree object = tree(R"({"spec":{"limits":{"cpu":{}},"replicas":null,"nothing":null}})");
  ASSERT_TRUE(apply_defaults(schema.type(), object));
  EXPECT_EQ(object.to_text(), R"({"spec":{"limits":{"cpu":{"max":1.5}},"nothing":null,"replicas":1}})");
}

TEST(CustomSchema, AnEmptySchemaKeepsAll) {
  const CustomSchema schema(json::Tree(json::TreeObject()), kCronTab);
  json::Tree object = tree(R"({"metadata":{"name":"a"},"spec":{"x":1}})");
  const json::Tree before = object;
  prune(schema.type(), object);
  EXPECT_EQ(object, before);
}

TEST(CustomSchema, KeepsRulesAndJunctions) {
  const CustomSchema schema(tree(R"json({"type":"object",
    "x-kubernetes-validations":[{"rule":"has(self.a)","message":"m","optionalOldSelf":true}],
    "anyOf":[{"required":["a"]},{"properties":{"b":{"minLength":2}}}],"not":{"required":["c"]},
    "properties":{"a":{"type":"string","enum":["x","y"]},
      "metadata":{"properties":{"name":{"maxLength":5}}}}})json"),
                            kCronTab);
  const Constraints& root = *schema.type().constraints;
  EXPECT_EQ(root.rules.at(0).rule, "has(self.a)");
  EXPECT_EQ(root.rules.at(0).optional_old_self, true);
  EXPECT_EQ(root.any_of.at(0).required, std::vector<std::string>{"a"});
  EXPECT_EQ(root.any_of.at(1).properties.at(0).constraints.min_length, 2);
  EXPECT_NE(root.none_of, nullptr);
  EXPECT_EQ(root.properties.at(0).name, "metadata");
  EXPECT_EQ(schema.type().find("a")->type->constraints->allowed->size(), 2U);
}

}  // namespace
}  // namespace gantry::kube
