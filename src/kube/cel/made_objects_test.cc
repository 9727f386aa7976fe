// SPDX-License-Identifier: Apache-2.0
//
// Objects that expressions make: Object{...} and JSONPatch{...}.
#include <gtest/gtest.h>

#include "kube/cel/program.h"

namespace gantry::kube::cel {
namespace {

class MadeObjects : public ::testing::Test {
 protected:
  MadeObjects() { environment_.declare("object", basic(Kind::Dyn)).allow_patches(); }

  // As JSON, or the first line of what is wrong without its place.
  std::string evaluate(std::string_view text) {
    const auto program = compile(text, environment_);
    if (!program) {
      std::string message(program.error().message());
      message.resize(std::min(message.find("\n |"), message.size()));
      return message.substr(message.find(": ", message.find("<input>")) + 2);
    }
    type_ = program->result_type();
    const json::Tree object = *json::Tree::parse(R"({"spec":{"replicas":3},"names":["a","b"]})");
    const Value variables[] = {Value::of_tree(object, nullptr, memory_)};
    Budget budget;
    const Value result = program->evaluate(variables, budget, memory_);
    cost_ = kCostOfObject - budget.left;
    if (result.is_error()) return "error: " + std::string(result.text());
    const auto tree = to_tree(result, memory_);
    return tree ? tree->to_text() : "no JSON";
  }

  Environment environment_;
  Memory memory_;
  std::string type_;
  std::uint64_t cost_ = 0;
};

TEST_F(MadeObjects, FieldsAreOfAnyNameAndType) {
  EXPECT_EQ(evaluate("Object{}"), "{}");
  EXPECT_EQ(type_, "Object");
  EXPECT_EQ(evaluate("Object{spec: Object.spec{replicas: object.spec.replicas + 1, paused: true}}"),
            R"({"spec":{"paused":true,"replicas":4}})");
  EXPECT_EQ(evaluate("Object.spec.template{namespace: 'x', list: [Object.spec.template.list{a: 1}],}"),
            R"({"list":[{"a":1}],"namespace":"x"})");
  EXPECT_EQ(type_, "Object.spec.template");
  EXPECT_EQ(evaluate(".Object{a: {'b': 'c'}}"), R"({"a":{"b":"c"}})");
}

TEST_F(MadeObjects, AFieldThatIsOptionalMayBeLeftOut) {
  EXPECT_EQ(evaluate("Object{?a: object.?spec.?replicas, ?b: object.?none, ?c: optional.none()}"),
            R"({"a":3})");
  EXPECT_EQ(evaluate("Object{?spec: optional.ofNonZeroValue(Object.spec{?x: Object{}.?x})}"), "{}");
  EXPECT_EQ(evaluate("Object{?a: 1}"), "expected type 'optional_type(dyn)' but found 'int'");
}

TEST_F(MadeObjects, FieldsAreReadAndCompared) {
  EXPECT_EQ(evaluate("Object{list: [1, 2, 3]}.list.sum()"), "6");
  EXPECT_EQ(evaluate("Object{a: 1}.b"), "error: no such key: b");
  EXPECT_EQ(evaluate("[has(Object{a: 1}.a), has(Object{}.a), has(JSONPatch{}.op)]"), "[true,false,false]");
  EXPECT_EQ(evaluate("Object{spec: Object.spec{a: 3}} == Object{spec: Object.spec{a: 1 + 2}}"), "true");
  EXPECT_EQ(evaluate("Object{a: 1} == Object{a: 2}"), "false");
  EXPECT_EQ(evaluate("dyn(Object.a{}) == dyn(Object.b{})"), "false");
  EXPECT_EQ(evaluate("JSONPatch{op: 'add', value: 1} == JSONPatch{op: 'add', value: '1'}"), "false");
}

TEST_F(MadeObjects, AListIsOfOneTypeOfThem) {
  EXPECT_EQ(evaluate("object.names.map(n, JSONPatch{op: 'remove', path: '/' + n})"),
            R"([{"op":"remove","path":"/a"},{"op":"remove","path":"/b"}])");
  EXPECT_EQ(type_, "list(JSONPatch)");
  EXPECT_EQ(evaluate("has(object.spec) ? [JSONPatch{op: 'test'}] : []"), R"([{"op":"test"}])");
  EXPECT_EQ(type_, "list(JSONPatch)");
  EXPECT_EQ(evaluate("[Object{}, JSONPatch{}]"), "expected type 'Object' but found 'JSONPatch'");
}

TEST_F(MadeObjects, PatchesHaveTheirFourFields) {
  EXPECT_EQ(evaluate("JSONPatch{op: 1}"),
            "expected type of field 'op' is 'string' but provided type is 'int'");
  EXPECT_EQ(evaluate("JSONPatch{what: 1}"), "undefined field 'what'");
  EXPECT_EQ(evaluate("JSONPatch{op: 'a', op: 'b'}"), "repeated field 'op'");
}

TEST_F(MadeObjects, OtherNamesMakeNothing) {
  EXPECT_EQ(evaluate("Invalid{}"), "undeclared reference to 'Invalid' (in container '')");
  EXPECT_EQ(evaluate("Objects{}"), "undeclared reference to 'Objects' (in container '')");
  EXPECT_EQ(evaluate("Object{a: Invalid{b: 1}}"), "undeclared reference to 'Invalid' (in container '')");
  EXPECT_EQ(evaluate("[1]{}"), "Syntax error: mismatched input '{' expecting <EOF>");
  EXPECT_EQ(evaluate("Object{'a': 1}"), "Syntax error: mismatched input ''a'' expecting IDENTIFIER");
  EXPECT_EQ(evaluate("Object{a: 1"), "Syntax error: mismatched input '<EOF>' expecting '}'");
}

TEST_F(MadeObjects, KeysAreEscapedForPaths) {
  EXPECT_EQ(evaluate("'/metadata/labels/' + jsonpatch.escapeKey('k8s.io/my~label')"),
            R"("/metadata/labels/k8s.io~1my~0label")");
}

TEST_F(MadeObjects, OnlySomeEnvironmentsAllowThem) {
  environment_ = Environment();
  EXPECT_EQ(evaluate("Object{}"), "undeclared reference to 'Object' (in container '')");
  EXPECT_EQ(evaluate("JSONPatch{}"), "undeclared reference to 'JSONPatch' (in container '')");
  EXPECT_EQ(evaluate("jsonpatch.escapeKey('a')"), "undeclared reference to 'jsonpatch' (in container '')");
}

TEST_F(MadeObjects, MakingCosts) {
  EXPECT_EQ(evaluate("Object{}"), "{}");
  EXPECT_EQ(cost_, 40U);
  EXPECT_EQ(evaluate("Object{spec: Object.spec{}}"), R"({"spec":{}})");
  EXPECT_EQ(cost_, 80U);
}

// Sixty short steps would be more text than there is memory.
TEST_F(MadeObjects, WhatIsSharedAThousandfoldIsNoJson) {
  std::string text = "Object{a: 'x'}";
  for (int i = 0; i < 60; ++i) text = "cel.bind(v, " + text + ", [v, v])";
  EXPECT_EQ(evaluate(text), "no JSON");
}

}  // namespace
}  // namespace gantry::kube::cel
