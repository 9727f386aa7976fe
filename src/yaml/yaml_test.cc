// SPDX-License-Identifier: Apache-2.0
#include "yaml/yaml.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "testing/must.h"

namespace gantry::yaml {
namespace {

TEST(Yaml, BecomesJson) {
  EXPECT_EQ(MUST(to_json("a: 1\nb:\n  - x\n  - {c: true}\n")), R"({"a":1,"b":["x",{"c":true}]})");
  EXPECT_EQ(MUST(to_json("[]")), "[]");
}

TEST(Yaml, PlainScalarsAreWhatTheySay) {
  EXPECT_EQ(MUST(to_json("[1, -2, +3, 1.5, true, False, null, ~, yes, no, 0644, 1e3, 10.0.0.1, 1.2.3]")),
            R"([1,-2,3,1.5,true,false,null,null,"yes","no",644,1000,"10.0.0.1","1.2.3"])");
}

TEST(Yaml, WhatIsQuotedIsText) {
  EXPECT_EQ(MUST(to_json("['1', \"true\", 'null', '']")), R"(["1","true","null",""])");
  EXPECT_EQ(MUST(to_json("a: |\n  1\n  2\n")), R"({"a":"1\n2\n"})");
}

TEST(Yaml, AnchorsAreExpanded) {
  EXPECT_EQ(MUST(to_json("a: &x {b: 1}\nc: *x\n")), R"({"a":{"b":1},"c":{"b":1}})");
}

TEST(Yaml, AnchorsInsideOfThemselvesAreRefused) {
  EXPECT_FALSE(to_json("a: &a [*a]\n").has_value());
  EXPECT_EQ(MUST(to_json("- &a [&b 1, *b]\n- {&c d: *a, e: *c}\n")), R"([[1,1],{"d":[1,1],"e":"d"}])");
}

TEST(Yaml, AnchorsCountAsDeepAsWhatTheyStandFor) {
  std::string text = "a0: &a0 [x]\n";
  for (int i = 1; i < 200; ++i) text += fmt::format("a{0}: &a{0} [*a{1}]\n", i, i - 1);
  EXPECT_NE(to_json(text).error().message().find("nested too deeply"), std::string::npos);
}

TEST(Yaml, LaughterIsShort) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) text += (j == 0 ? "*a" : ", *a") + std::to_string(i - 1);
    text += "]\n";
  }
  EXPECT_NE(to_json(text).error().message().find("becomes too large"), std::string::npos);
  EXPECT_FALSE(to_json(std::string(500, '[') + std::string(500, ']')).has_value());
}

TEST(Yaml, WhatBeginsNoDocumentIsAnError) {
  EXPECT_FALSE(documents_to_json(",a- 1.5\n0~\n  -0~\n 1s").has_value());
  EXPECT_FALSE(documents_to_json(", x").has_value());
}

TEST(Yaml, OtherBytesThanUtf8AreRefused) {
  EXPECT_FALSE(to_json("a\xff: 1").has_value());
  EXPECT_FALSE(to_json("a: \xc3").has_value());
  EXPECT_EQ(MUST(to_json("ü: ß")), "{\"ü\":\"ß\"}");
}

TEST(Yaml, ErrorsSayWhere) {
  EXPECT_EQ(to_json("a: 1\na: 2\n").error().message(), "line 2, column 1: the key 'a' is there twice");
  EXPECT_TRUE(to_json("a: [1\nb: 2").error().message().starts_with("line "));
  EXPECT_TRUE(to_json("? [a]\n: 1").error().message().starts_with("line 1"));
}

TEST(Yaml, DocumentsAreSeveral) {
  const auto documents = MUST(documents_to_json("a: 1\n---\n---\nb: 2\n"));
  EXPECT_EQ(documents, (std::vector<std::string>{R"({"a":1})", R"({"b":2})"}));
  EXPECT_FALSE(to_json("a: 1\n---\nb: 2\n").has_value());
  EXPECT_FALSE(to_json("").has_value());
}

TEST(Yaml, WrittenFromJsonItReadsAsTheSame) {
  const std::string json =
      R"({"a":"plain","b":["yes","1e3","","- x",12,-1.5,true,null,{"c":{},"d":[]}],"e":"two\nlines \u00e4","~":"0x10"})";
  const std::string yaml = MUST(from_json(json));
  EXPECT_TRUE(yaml.starts_with("a: plain\nb:\n  - \"yes\"\n")) << yaml;
  EXPECT_EQ(MUST(to_json(yaml)), MUST(json::Document::parse(json)).root().to_text()) << yaml;
}

}  // namespace
}  // namespace gantry::yaml
