// SPDX-License-Identifier: Apache-2.0
//
// Costs as Kubernetes counts them: while a rule runs, and at worst by the limits of its schema.
#include <gtest/gtest.h>

#include "kube/cel/program.h"
#include "kube/cel/schema_type.h"

namespace gantry::kube::cel {
namespace {

class CostTest : public ::testing::Test {
 protected:
  CostTest() {
    const json::Tree schema = *json::Tree::parse(R"J({"type":"object","properties":{
        "n":{"type":"integer"},"s":{"type":"string","maxLength":10},
        "list":{"type":"array","maxItems":5,"items":{"type":"integer"}},
        "texts":{"type":"array","items":{"type":"string"}},
        "map":{"type":"object","additionalProperties":{"type":"integer"}},
        "set":{"type":"array","x-kubernetes-list-type":"set","items":{"type":"string"}}}})J");
    object_ = *json::Tree::parse(
        R"J({"n":1,"s":"Rook takes pawn","list":[1,2,3],"map":{"a":1,"b":2},"set":["a","b"]})J");
    type_ = type_of_schema(schema, false, "object", types_);
    environment_.declare("self", type_);
  }

  std::uint64_t cost(std::string_view text) {
    auto program = compile(text, environment_);
    EXPECT_TRUE(program) << program.error().message();
    Memory memory;
    Budget budget;
    const Value variables[] = {Value::of_tree(object_, type_, memory)};
    EXPECT_FALSE(program->evaluate(variables, budget, memory).is_error()) << text;
    return kCostOfObject - budget.left;
  }
  std::uint64_t estimate(std::string_view text) {
    auto program = compile(text, environment_);
    EXPECT_TRUE(program) << program.error().message();
    return program->estimated_cost();
  }

  TypeArena types_;
  json::Tree object_;
  const Type* type_ = nullptr;
  Environment environment_;
};

TEST_F(CostTest, EachNameAndEachCallCountsOne) {
  EXPECT_EQ(cost("self.n == 1"), 3U);
  EXPECT_EQ(cost("type(self.n) == int"), 4U);
  EXPECT_EQ(cost("has(self.n)"), 1U);
  EXPECT_EQ(cost("self.list[0] == 1"), 4U);
  EXPECT_EQ(cost("self.n < 5 && self.n > 0"), 6U);
}

TEST_F(CostTest, TextsCountByTheirLength) {
  EXPECT_EQ(cost("self.s == 'Rook takes pawn'"), 4U);
  EXPECT_EQ(cost("self.s.startsWith('Rook')"), 3U);
  EXPECT_EQ(cost("self.s.matches('^[^0-9]*$')"), 2U + 2 * 3);
  EXPECT_EQ(cost("self.s.contains('x')"), 2U + 2 * 1);
}

TEST_F(CostTest, ConstantsAreFree) {
  EXPECT_EQ(cost("self.s in ['a', 'b']"), 2U);
  EXPECT_EQ(cost("[1, 2, 3] == self.list"), 3U);
  EXPECT_EQ(cost("duration('1h') > duration('1m')"), 1U);
}

TEST_F(CostTest, MacrosCountAsTheLoopsThatTheyStandFor) {
  EXPECT_EQ(cost("self.list.all(x, x > 0)"), 3U + 3 * 5);
  EXPECT_EQ(cost("self.list.all(x, x < 0)"), 3U + 5 + 2);
  EXPECT_EQ(cost("self.list.exists(x, x == 2)"), 3U + 2 * 6 + 3);
  EXPECT_EQ(cost("self.list.map(x, x)"), 3U + 3 * 13);
  EXPECT_EQ(cost("self.list.filter(x, x > 1)"), 3U + 3 * 2 + 2 * 13);
  EXPECT_EQ(cost("self.map.all(k, self.map[k] > 0)"), 17U);
}

TEST_F(CostTest, LimitsOfTheSchemaBoundTheEstimate) {
  EXPECT_EQ(estimate("self.list.all(x, x > 0)"), 3U + 5 * 5);
  EXPECT_LT(estimate("self.s.contains('abc')"), 20U);
  EXPECT_GT(estimate("self.texts.all(x, x.contains('abc'))"), 1'000'000U);
  EXPECT_EQ(estimate("true ? 1 + 1 : 1"), 1U);
  EXPECT_EQ(estimate("has(self.s)"), 0U);
}

TEST_F(CostTest, ACallThatCostsTooMuchEnds) {
  Environment environment;
  environment.declare("list", basic(Kind::Dyn));
  json::TreeArray elements(2'000);
  for (json::Tree& element : elements) element = 1;
  const json::Tree tree(std::move(elements));
  const auto program = compile("list.all(a, list.all(b, a == b))", environment);
  ASSERT_TRUE(program);
  Memory memory;
  Budget budget;
  const Value variables[] = {Value::of_tree(tree, nullptr, memory)};
  EXPECT_EQ(program->evaluate(variables, budget, memory).text(), kCostLimitExceeded);
  EXPECT_FALSE(budget.is_exhausted);
  Budget little{.left = 10};
  (void)program->evaluate(variables, little, memory);
  EXPECT_TRUE(little.is_exhausted);
}

TEST_F(CostTest, WhatIsComputedIsBoundedInMemory) {
  Environment environment;
  std::string doubling = "[0]";
  for (int i = 0; i < 40; ++i) doubling = "cel.bind(x, " + doubling + ", x + x)";
  const auto program = compile(doubling + ".size()", environment);
  ASSERT_TRUE(program);
  Memory memory;
  Budget budget;
  EXPECT_TRUE(program->evaluate({}, budget, memory).is_error());
}

TEST_F(CostTest, SetsAreEqualInAnyOrder) {
  EXPECT_GT(cost("self.set == ['b', 'a'] ? 1 : 1 / 0"), 0U);
  EXPECT_GT(cost("self.set + ['b', 'c'] == ['a', 'b', 'c'] ? 1 : 1 / 0"), 0U);
}

}  // namespace
}  // namespace gantry::kube::cel
