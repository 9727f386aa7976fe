// SPDX-License-Identifier: Apache-2.0
#include "kube/custom/schema_checks.h"

#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::kube::custom {
namespace {

std::string lines(std::vector<Cause> causes) {
  std::string text;
  for (const Cause& cause : causes)
    text += fmt::format("{}{}: {}", text.empty() ? "" : "\n", cause.field, cause.message);
  return text;
}

std::string faults(const std::string& schema) {
  const json::Tree tree = MUST(json::Tree::parse(schema));
  rules::Report report;
  check_schema(rules::Spot(tree, report));
  return lines(std::move(report).causes());
}

std::string default_faults(const std::string& schema) {
  const json::Tree tree = MUST(json::Tree::parse(schema));
  rules::Report report;
  check_defaults(rules::Spot(tree, report));
  return lines(std::move(report).causes());
}

// As the schema of the field "a".
std::string faults_of_field(const std::string& schema) {
  return faults(R"({"type":"object","properties":{"a":)" + schema + "}}");
}

TEST(SchemaChecks, AStructuralSchemaIsFine) {
  EXPECT_EQ(faults(R"({"type":"object","properties":{"spec":{"type":"object","required":["a"],"properties":{
      "a":{"type":"string","pattern":"^a$","default":"a"},
      "b":{"x-kubernetes-int-or-string":true,"anyOf":[{"type":"integer"},{"type":"string"}]},
      "c":{"type":"array","items":{"type":"string"},"x-kubernetes-list-type":"set"}},
      "oneOf":[{"properties":{"a":{"minLength":2}}},{"required":["b"]}]},
    "metadata":{"type":"object","properties":{"name":{"type":"string","maxLength":5}}},
    "apiVersion":{"type":"string"},"kind":{"type":"string"}}})"),
            "");
}

TEST(SchemaChecks, EveryFieldHasAType) {
  EXPECT_EQ(faults("{}"), "type: Required value: must not be empty at the root");
  EXPECT_EQ(faults(R"({"type":"array","items":{"type":"string"}})"),
            R"(type: Invalid value: "array": must be object at the root)");
  EXPECT_EQ(faults_of_field("{}"),
            "properties[a].type: Required value: must not be empty for specified object fields");
  EXPECT_EQ(faults_of_field(R"({"type":"array"})"), "properties[a].items: Required value: must be specified");
  EXPECT_EQ(faults_of_field(R"({"type":"array","items":{}})"),
            "properties[a].items.type: Required value: must not be empty for specified array items");
  EXPECT_EQ(
      faults_of_field(R"({"type":"text"})"),
      R"(properties[a].type: Unsupported value: "text": supported values: "array", "boolean", "integer", )"
      R"("number", "object", "string")");
}

TEST(SchemaChecks, SomeWordsOfOpenApiAreNotForResources) {
  EXPECT_EQ(faults_of_field(R"({"type":"object","$ref":"#/x"})"),
            "properties[a].$ref: Forbidden: $ref is not supported");
  EXPECT_NE(faults_of_field(R"({"type":"array","uniqueItems":true,"items":{"type":"string"}})"), "");
  EXPECT_NE(faults_of_field(R"({"type":"string","pattern":"("})"), "");
  EXPECT_EQ(faults_of_field(
                R"({"type":"object","properties":{"b":{"type":"string"}},"additionalProperties":false})"),
            "properties[a].additionalProperties: Forbidden: additionalProperties and properties are mutual "
            "exclusive");
}

TEST(SchemaChecks, JunctionsDoNotSayWhatThereIs) {
  EXPECT_EQ(faults_of_field(R"({"type":"string","anyOf":[{"type":"string"}]})"),
            "properties[a].anyOf[0].type: Forbidden: must be empty to be structural");
  EXPECT_EQ(faults_of_field(R"({"type":"object","not":{"properties":{"b":{"minimum":1}}}})"),
            "properties[a].properties[b]: Required value: because it is defined in "
            "properties[a].not.properties[b]");
}

TEST(SchemaChecks, ListsOfKindMapHaveKeysThatAreThere) {
  EXPECT_EQ(
      faults_of_field(R"({"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["n"],
      "items":{"type":"object","properties":{"n":{"type":"string"}}}})"),
      "properties[a].items.properties[n].default: Required value: this property is in "
      "x-kubernetes-list-map-keys, so it must have a default or be a required property");
  EXPECT_EQ(
      faults_of_field(R"({"type":"array","x-kubernetes-list-type":"map","items":{"type":"object"}})"),
      "properties[a].x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type "
      "is map");
  EXPECT_NE(faults_of_field(R"({"type":"string","x-kubernetes-list-type":"set"})"), "");
}

TEST(SchemaChecks, MetadataIsImplied) {
  EXPECT_EQ(
      faults(R"({"type":"object","properties":{"metadata":{"type":"object","properties":{
      "labels":{"type":"object"}}}}})"),
      "properties[metadata]: Forbidden: must not specify anything other than name and generateName, but "
      "metadata is implicitly specified");
}

TEST(SchemaChecks, RulesAreNotEmpty) {
  EXPECT_EQ(faults(R"({"type":"object","x-kubernetes-validations":[{"rule":" "}]})"),
            "x-kubernetes-validations[0].rule: Required value: rule is not specified");
}

TEST(SchemaChecks, DefaultsFitTheirPlaces) {
  EXPECT_EQ(default_faults(R"({"type":"object","properties":{"a":{"type":"integer","default":1}}})"), "");
  EXPECT_EQ(
      default_faults(R"({"type":"object","properties":{"a":{"type":"integer","default":"x"}}})"),
      R"(properties[a].default: Invalid value: "string": properties[a].default in body must be of type )"
      R"(integer: "string")");
  EXPECT_EQ(default_faults(R"({"type":"object","properties":{"a":{"type":"object","default":{"b":1}}}})"),
            R"(properties[a].default: Invalid value: {"b":1}: must not have unknown fields)");
}

}  // namespace
}  // namespace gantry::kube::custom
