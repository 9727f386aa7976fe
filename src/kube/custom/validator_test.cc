// SPDX-License-Identifier: Apache-2.0
#include "kube/custom/validator.h"

#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "kube/schema/custom_schema.h"
#include "testing/must.h"

namespace gantry::kube::custom {
namespace {

json::Tree tree(std::string text) { return MUST(json::Tree::parse(std::move(text))); }

// A schema whose "spec" is `spec`, asked of objects whose "spec" is something.
class Asked {
 public:
  explicit Asked(const std::string& spec)
      : schema_(tree(R"({"type":"object","properties":{"spec":)" + spec + "}}"),
                {"example.com", "v1", "Toy"}),
        validator_(schema_.type()) {}

  // "field: message", one a line.
  std::string of(const std::string& spec) const { return lines(validator_.validate(object(spec))); }
  std::string of_change(const std::string& before, const std::string& spec) const {
    const json::Tree stored = object(before);
    return lines(validator_.validate(object(spec), &stored));
  }

 private:
  static json::Tree object(const std::string& spec) { return tree(R"({"spec":)" + spec + "}"); }
  static std::string lines(const std::vector<Cause>& causes) {
    std::string text;
    for (const Cause& cause : causes)
      text += fmt::format("{}{}: {}", text.empty() ? "" : "\n", cause.field, cause.message);
    return text;
  }

  CustomSchema schema_;
  Validator validator_;
};

TEST(Validator, TypesAreTold) {
  EXPECT_EQ(Asked(R"({"type":"integer"})").of(R"("x")"),
            R"(spec: Invalid value: "string": spec in body must be of type integer: "string")");
  EXPECT_EQ(Asked(R"({"type":"integer"})").of("1.0"), "");
  EXPECT_NE(Asked(R"({"type":"integer"})").of("1.5"), "");
  EXPECT_EQ(Asked(R"({"type":"number"})").of("1"), "");
  EXPECT_EQ(Asked(R"({"type":"string","nullable":true})").of("null"), "");
  EXPECT_EQ(Asked(R"({"type":"string"})").of("null"),
            R"(spec: Invalid value: "null": spec in body must be of type string: "null")");
  EXPECT_EQ(Asked(R"({"x-kubernetes-int-or-string":true})").of("80"), "");
  EXPECT_NE(Asked(R"({"x-kubernetes-int-or-string":true})").of("true"), "");
}

TEST(Validator, NumbersHaveLimits) {
  const Asked asked(R"({"type":"integer","minimum":1,"maximum":10,"exclusiveMaximum":true,"multipleOf":2})");
  EXPECT_EQ(asked.of("8"), "");
  EXPECT_EQ(asked.of("10"), "spec: Invalid value: 10: spec in body should be less than 10");
  EXPECT_EQ(asked.of("-2"), "spec: Invalid value: -2: spec in body should be greater than or equal to 1");
  EXPECT_EQ(asked.of("3"), "spec: Invalid value: 3: spec in body should be a multiple of 2");
  EXPECT_EQ(Asked(R"({"type":"number","multipleOf":0.1})").of("0.3"), "");
}

TEST(Validator, TextsHaveLengthsPatternsAndFormats) {
  const Asked asked(R"({"type":"string","minLength":2,"maxLength":3,"pattern":"^[a-zä]*$"})");
  EXPECT_EQ(asked.of(R"("äää")"), "");
  EXPECT_EQ(asked.of(R"("abcd")"), "spec: Too long: may not be more than 3 bytes");
  EXPECT_EQ(asked.of(R"("a")"), R"(spec: Invalid value: "a": spec in body should be at least 2 chars long)");
  EXPECT_EQ(asked.of(R"("A1")"), R"(spec: Invalid value: "A1": spec in body should match '^[a-zä]*$')");
  EXPECT_EQ(Asked(R"({"type":"string","format":"ipv4"})").of(R"("x")"),
            R"(spec: Invalid value: "x": spec in body must be of type ipv4: "x")");
  EXPECT_EQ(Asked(R"({"type":"string","enum":["a","b"]})").of(R"("c")"),
            R"(spec: Unsupported value: "c": supported values: "a", "b")");
}

TEST(Validator, ObjectsAndListsHaveSizesAndRequiredFields) {
  const Asked object(
      R"({"type":"object","required":["a"],"maxProperties":1,"properties":{"a":{"type":"integer"},"b":{"type":"integer"}}})");
  EXPECT_EQ(object.of("{}"), "spec.a: Required value");
  EXPECT_EQ(object.of(R"({"a":1,"b":2})"), "spec: Too many: 2: must have at most 1 item");
  const Asked list(R"({"type":"array","minItems":1,"maxItems":2,"items":{"type":"integer"}})");
  EXPECT_EQ(list.of("[]"), "spec: Invalid value: []: spec in body should have at least 1 items");
  EXPECT_EQ(list.of("[1,2,3]"), "spec: Too many: 3: must have at most 2 items");
  EXPECT_EQ(list.of(R"([1,"x"])"),
            R"(spec[1]: Invalid value: "string": spec[1] in body must be of type integer: "string")");
}

TEST(Validator, ElementsOfSetsAndMapsDiffer) {
  EXPECT_EQ(Asked(R"({"type":"array","x-kubernetes-list-type":"set","items":{"type":"string"}})")
                .of(R"(["a","b","a"])"),
            R"(spec[2]: Duplicate value: "a")");
  EXPECT_EQ(
      Asked(R"({"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["n"],"items":{
              "type":"object","properties":{"n":{"type":"string"},"v":{"type":"integer"}}}})")
          .of(R"([{"n":"a","v":1},{"n":"a","v":2}])"),
      R"(spec[1]: Duplicate value: {"n":"a"})");
}

TEST(Validator, JunctionsCountWhatFits) {
  constexpr const char* kFields =
      R"("type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"}})";
  const auto asked = [&](const std::string& junction) {
    return Asked(fmt::format("{{{},{}}}", kFields, junction));
  };
  const std::string both = R"([{"required":["a"]},{"required":["b"]}])";
  EXPECT_EQ(asked(R"("anyOf":)" + both).of(R"({"a":1,"b":2})"), "");
  EXPECT_EQ(asked(R"("anyOf":)" + both).of("{}"),
            "spec: Invalid value: \"\": \"spec\" must validate at least one schema (anyOf)\nspec.a: Required "
            "value");
  EXPECT_EQ(asked(R"("oneOf":)" + both).of(R"({"a":1})"), "");
  EXPECT_EQ(asked(R"("oneOf":)" + both).of(R"({"a":1,"b":2})"),
            "spec: Invalid value: \"\": \"spec\" must validate one and only one schema (oneOf). "
            "Found 2 valid alternatives");
  EXPECT_EQ(asked(R"("allOf":)" + both).of(R"({"a":1})"), "spec.b: Required value");
  EXPECT_EQ(asked(R"("not":{"required":["a"]})").of(R"({"a":1})"),
            "spec: Invalid value: \"\": \"spec\" must not validate the schema (not)");
  EXPECT_EQ(asked(R"("allOf":[{"properties":{"a":{"minimum":5}}}])").of(R"({"a":1})"),
            "spec.a: Invalid value: 1: spec.a in body should be greater than or equal to 5");
}

TEST(Validator, WhatWasWrongBeforeAndIsTheSameIsLetBe) {
  const Asked asked(
      R"({"type":"object","properties":{"a":{"type":"integer","maximum":5},"b":{"type":"integer","maximum":5}}})");
  EXPECT_EQ(asked.of_change(R"({"a":9,"b":1})", R"({"a":9,"b":2})"), "");
  EXPECT_NE(asked.of_change(R"({"a":9,"b":1})", R"({"a":8,"b":2})"), "");
  EXPECT_NE(asked.of_change(R"({"a":9,"b":1})", R"({"a":9,"b":9})"), "");
}

TEST(Validator, EmbeddedResourcesSayWhatTheyAre) {
  const Asked asked(
      R"({"type":"object","x-kubernetes-embedded-resource":true,"x-kubernetes-preserve-unknown-fields":true})");
  EXPECT_EQ(asked.of(R"({"apiVersion":"v1","kind":"Pod"})"), "");
  EXPECT_EQ(asked.of(R"({"kind":"Pod"})"), "spec.apiVersion: Required value: must not be empty");
}

}  // namespace
}  // namespace gantry::kube::custom
