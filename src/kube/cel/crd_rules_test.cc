// SPDX-License-Identifier: Apache-2.0
#include "kube/cel/crd_rules.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "kube/cel/schema_type.h"

namespace gantry::kube::cel {
namespace {

json::Tree tree(std::string_view text) { return *json::Tree::parse(std::string(text)); }

std::string text_of(const std::vector<Cause>& causes) {
  std::string text;
  for (const Cause& cause : causes)
    text += fmt::format("{} {}: {}\n", cause.reason, cause.field, cause.message);
  return text;
}

// A schema whose spec has the properties and rules given.
json::Tree schema_of(std::string_view properties, std::string_view rules) {
  return tree(fmt::format(R"J({{"type":"object","properties":{{"spec":{{"type":"object","properties":{},
                           "x-kubernetes-validations":{}}}}}}})J",
                          properties, rules));
}

std::string refused(const json::Tree& schema) {
  std::vector<Cause> causes;
  const CrdRules rules(schema, "schema", causes);
  return text_of(causes);
}

std::string found(const json::Tree& schema, std::string_view object, std::string_view old = "") {
  std::vector<Cause> causes;
  const CrdRules rules(schema, "schema", causes);
  EXPECT_EQ(text_of(causes), "");
  const json::Tree now = tree(object);
  const json::Tree before = old.empty() ? json::Tree() : tree(old);
  const CrdRules::Findings findings = rules.check(now, old.empty() ? nullptr : &before);
  std::string text = text_of(findings.causes);
  for (const std::string& warning : findings.warnings) text += "warning: " + warning + "\n";
  return text;
}

constexpr const char* kReplicas = R"J({"replicas":{"type":"integer"},"max":{"type":"integer"}})J";

TEST(CrdRules, ARuleThatDoesNotHoldIsToldWithItsField) {
  const json::Tree schema = schema_of(kReplicas, R"J([{"rule":"self.replicas <= self.max"}])J");
  EXPECT_EQ(found(schema, R"J({"spec":{"replicas":1,"max":2}})J"), "");
  EXPECT_EQ(found(schema, R"J({"spec":{"replicas":3,"max":2}})J"),
            "FieldValueInvalid spec: Invalid value: failed rule: self.replicas <= self.max\n");
}

TEST(CrdRules, MessageReasonAndFieldAreTheRules) {
  const json::Tree schema = schema_of(
      kReplicas,
      R"J([{"rule":"self.replicas <= 5","message":" too many ","reason":"FieldValueForbidden","fieldPath":".replicas"},
          {"rule":"self.replicas > 0","messageExpression":"'at least one, not %d'.format([self.replicas])"}])J");
  EXPECT_EQ(found(schema, R"J({"spec":{"replicas":6}})J"),
            "FieldValueForbidden spec.replicas: Forbidden: too many\n");
  EXPECT_EQ(found(schema, R"J({"spec":{"replicas":0}})J"),
            "FieldValueInvalid spec: Invalid value: at least one, not 0\n");
}

TEST(CrdRules, ScalarsAreShown) {
  const json::Tree schema = tree(
      R"J({"type":"object","properties":{"size":{"type":"integer","x-kubernetes-validations":[{"rule":"self > 1"}]},
          "name":{"type":"string","x-kubernetes-validations":[{"rule":"self.startsWith('a')","message":"no"}]}}})J");
  EXPECT_EQ(found(schema, R"J({"size":1,"name":"b"})J"),
            "FieldValueInvalid name: Invalid value: \"b\": no\n"
            "FieldValueInvalid size: Invalid value: 1: failed rule: self > 1\n");
}

TEST(CrdRules, RulesAreCheckedInListsMapsAndAllOf) {
  const json::Tree schema = tree(
      R"J({"type":"object","properties":{
          "list":{"type":"array","maxItems":10,"items":{"type":"integer","x-kubernetes-validations":[{"rule":"self > 0"}]}},
          "map":{"type":"object","maxProperties":10,"additionalProperties":{"type":"string","maxLength":10,
                 "x-kubernetes-validations":[{"rule":"size(self) > 1"}]}},
          "other":{"type":"integer","allOf":[{"x-kubernetes-validations":[{"rule":"self != 7"}]}]}}})J");
  EXPECT_EQ(found(schema, R"J({"list":[1,0],"map":{"k":"v"},"other":7})J"),
            "FieldValueInvalid list[1]: Invalid value: 0: failed rule: self > 0\n"
            "FieldValueInvalid map[k]: Invalid value: \"v\": failed rule: size(self) > 1\n"
            "FieldValueInvalid other: Invalid value: 7: failed rule: self != 7\n");
}

TEST(CrdRules, TransitionRulesLookAtTheOldValue) {
  const json::Tree schema =
      schema_of(kReplicas, R"J([{"rule":"self.replicas >= oldSelf.replicas","message":"never less"}])J");
  EXPECT_EQ(found(schema, R"J({"spec":{"replicas":1}})J"), "");
  EXPECT_EQ(found(schema, R"J({"spec":{"replicas":2}})J", R"J({"spec":{"replicas":1}})J"), "");
  EXPECT_EQ(found(schema, R"J({"spec":{"replicas":1}})J", R"J({"spec":{"replicas":2}})J"),
            "FieldValueInvalid spec: Invalid value: never less\n");
}

TEST(CrdRules, AnOptionalOldSelfIsForCreatesToo) {
  const json::Tree schema = schema_of(
      kReplicas,
      R"J([{"rule":"oldSelf.hasValue() || self.replicas == 1","optionalOldSelf":true,"message":"begin with one"}])J");
  EXPECT_EQ(found(schema, R"J({"spec":{"replicas":2}})J"),
            "FieldValueInvalid spec: Invalid value: begin with one\n");
  EXPECT_EQ(found(schema, R"J({"spec":{"replicas":2}})J", R"J({"spec":{"replicas":1}})J"), "");
}

TEST(CrdRules, ElementsOfMapListsAreFoundByTheirKeys) {
  const json::Tree schema = tree(
      R"J({"type":"object","properties":{"ports":{"type":"array","maxItems":5,"x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["name"],
          "items":{"type":"object","properties":{"name":{"type":"string","maxLength":10},"port":{"type":"integer"}},
                   "x-kubernetes-validations":[{"rule":"self.port == oldSelf.port","message":"fixed"}]}}}})J");
  EXPECT_EQ(found(schema, R"J({"ports":[{"name":"b","port":2},{"name":"a","port":9}]})J",
                  R"J({"ports":[{"name":"a","port":1},{"name":"b","port":2}]})J"),
            "FieldValueInvalid ports[1]: Invalid value: fixed\n");
}

TEST(CrdRules, WhatDidNotChangeIsOnlyWarnedOf) {
  const json::Tree schema = schema_of(kReplicas, R"J([{"rule":"self.replicas < 5","message":"too many"}])J");
  EXPECT_EQ(found(schema, R"J({"spec":{"replicas":6}})J", R"J({"spec":{"replicas":6}})J"),
            "warning: spec: Invalid value: too many\n");
  EXPECT_EQ(found(schema, R"J({"spec":{"replicas":7}})J", R"J({"spec":{"replicas":6}})J"),
            "FieldValueInvalid spec: Invalid value: too many\n");
}

TEST(CrdRules, ErrorsWhileTheyRunAreTold) {
  EXPECT_EQ(found(schema_of(kReplicas, R"J([{"rule":"self.replicas > 1"}])J"), R"J({"spec":{"max":1}})J"),
            "FieldValueInvalid spec: Invalid value: \"object\": no such key: replicas evaluating rule: "
            "self.replicas > 1\n");
  EXPECT_EQ(
      found(schema_of(R"J({"port":{"x-kubernetes-int-or-string":true}})J", R"J([{"rule":"self.port < 5"}])J"),
            R"J({"spec":{"port":"http"}})J"),
      "FieldValueInvalid spec: Invalid value: \"object\": 'no such overload': call arguments did not match a "
      "supported operator, function or macro signature for rule: self.port < 5\n");
}

TEST(CrdRules, TheRootSeesItsNameAndKind) {
  const json::Tree schema = tree(
      R"J({"type":"object","x-kubernetes-validations":[{"rule":"self.metadata.name.startsWith('a') && self.kind == 'K'"}],
          "properties":{"metadata":{"type":"object"}}})J");
  EXPECT_EQ(found(schema, R"J({"apiVersion":"v1","kind":"K","metadata":{"name":"abc"}})J"), "");
}

TEST(CrdRules, NamesThatAreNoIdentifiersAreEscaped) {
  EXPECT_EQ(escape_property("my-field"), "my__dash__field");
  EXPECT_EQ(escape_property("a.b/c"), "a__dot__b__slash__c");
  EXPECT_EQ(escape_property("namespace"), "__namespace__");
  EXPECT_EQ(escape_property("a__b"), "a__underscores__b");
  EXPECT_EQ(escape_property("a_b"), "a_b");
  EXPECT_EQ(escape_property("1a"), std::nullopt);
  EXPECT_EQ(escape_property("a b"), std::nullopt);
  const json::Tree schema =
      schema_of(R"J({"my-field":{"type":"integer"}})J", R"J([{"rule":"self.my__dash__field == 1"}])J");
  EXPECT_EQ(found(schema, R"J({"spec":{"my-field":1}})J"), "");
}

TEST(CrdRules, FormatsAreTimesAndBytes) {
  const json::Tree schema = schema_of(
      R"J({"at":{"type":"string","format":"date-time"},"day":{"type":"string","format":"date"},
          "wait":{"type":"string","format":"duration"},"data":{"type":"string","format":"byte","maxLength":20}})J",
      R"J([{"rule":"self.at.getFullYear() == 2020 && self.day < self.at && self.wait < duration('2h') && self.data == b'abc'"}])J");
  EXPECT_EQ(
      found(schema,
            R"J({"spec":{"at":"2020-05-01T10:00:00Z","day":"2020-05-01","wait":"1h30m","data":"YWJj"}})J"),
      "");
}

TEST(CrdRules, ARuleThatDoesNotCompileIsShownWithItsPlace) {
  EXPECT_EQ(refused(schema_of(kReplicas, R"J([{"rule":"self.nothing > 1"}])J")),
            "FieldValueInvalid schema.properties[spec].x-kubernetes-validations[0].rule: Invalid value: "
            "{\"Rule\":\"self.nothing > "
            "1\",\"Message\":\"\",\"MessageExpression\":\"\",\"Reason\":null,\"FieldPath\":\"\","
            "\"OptionalOldSelf\":null}: compilation failed: ERROR: <input>:1:5: undefined field 'nothing'\n"
            " | self.nothing > 1\n"
            " | ....^\n");
  EXPECT_NE(refused(schema_of(kReplicas, R"J([{"rule":"self.max"}])J"))
                .find("cel expression must evaluate to a bool"),
            std::string::npos);
  EXPECT_NE(
      refused(schema_of(kReplicas, R"J([{"rule":" "}])J")).find("Required value: rule is not specified"),
      std::string::npos);
  EXPECT_NE(refused(schema_of(kReplicas, R"J([{"rule":"true","fieldPath":".none"}])J"))
                .find("must be a valid path"),
            std::string::npos);
  EXPECT_NE(refused(schema_of(kReplicas, R"J([{"rule":"true","reason":"Because"}])J"))
                .find("Unsupported value: \"Because\""),
            std::string::npos);
  EXPECT_NE(refused(schema_of(kReplicas, R"J([{"rule":"true","optionalOldSelf":true}])J"))
                .find("may not be set if oldSelf is not used in rule"),
            std::string::npos);
}

TEST(CrdRules, OldSelfNeedsElementsThatCanBeToldApart) {
  const json::Tree schema = tree(
      R"J({"type":"object","properties":{"list":{"type":"array","maxItems":3,"items":{"type":"integer",
          "x-kubernetes-validations":[{"rule":"self > oldSelf"}]}}}})J");
  EXPECT_EQ(
      refused(schema),
      "FieldValueInvalid schema.properties[list].items.x-kubernetes-validations[0].rule: Invalid value: "
      "\"self > oldSelf\": oldSelf cannot be used on the uncorrelatable portion of the schema within "
      "schema.properties[list]\n");
}

TEST(CrdRules, WhatMayCostTooMuchIsRefused) {
  const json::Tree unbounded = schema_of(R"J({"list":{"type":"array","items":{"type":"string"}}})J",
                                         R"J([{"rule":"self.list.all(a, self.list.all(b, a == b))"}])J");
  EXPECT_NE(refused(unbounded).find("estimated rule cost exceeds budget by factor of more than 100x"),
            std::string::npos);
  const json::Tree bounded =
      schema_of(R"J({"list":{"type":"array","maxItems":100,"items":{"type":"string","maxLength":10}}})J",
                R"J([{"rule":"self.list.all(a, self.list.all(b, a == b))"}])J");
  EXPECT_EQ(refused(bounded), "");
}

TEST(CrdRules, AnObjectThatCostsTooMuchIsRefusedWhileItIsChecked) {
  const json::Tree schema =
      schema_of(R"J({"list":{"type":"array","maxItems":1000,"items":{"type":"integer"}}})J",
                R"J([{"rule":"self.list.all(a, self.list.all(b, b >= 0))"}])J");
  std::string object = R"J({"spec":{"list":[0)J";
  for (int i = 0; i < 999; ++i) object += ",1";
  EXPECT_NE(found(schema, object + "]}}")
                .find("no further validation rules will be run due to call cost exceeds limit"),
            std::string::npos);
}

}  // namespace
}  // namespace gantry::kube::cel
