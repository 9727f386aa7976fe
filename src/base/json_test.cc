// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"

#include <gtest/gtest.h>

#include <limits>

#include "testing/must.h"

namespace gantry::json {
namespace {

std::string refusal(std::string text, const Limits& limits = {}) {
  const auto document = Document::parse(std::move(text), limits);
  return document ? "" : document.error().message();
}

std::string round_trip(std::string text) { return MUST(Document::parse(std::move(text))).root().to_text(); }

TEST(Json, reads_every_kind) {
  const Document document = MUST(Document::parse(
      R"( {"null": null, "bool": true, "number": -7, "string": "x", "array": [1, 2], "object": {}} )"));
  const Value root = document.root();
  EXPECT_EQ(root.kind(), Kind::Object);
  EXPECT_EQ(root.size(), 6U);
  EXPECT_TRUE(root.find("null")->is_null());
  EXPECT_TRUE(root.find("bool")->as_bool());
  EXPECT_EQ(root.find("number")->as_int64(), -7);
  EXPECT_EQ(root.find("string")->as_string(), "x");
  EXPECT_EQ(root.find("array")->at(1).as_uint64(), 2U);
  EXPECT_EQ(root.find("object")->size(), 0U);
  EXPECT_EQ(root.key(3), "string");
  EXPECT_EQ(root.at(3).as_string(), "x");
  EXPECT_FALSE(root.find("strin"));
}

TEST(Json, reads_a_lone_value_of_any_kind) {
  for (const char* text : {"null", "true", "0", "\"\"", "[]", "{}"}) EXPECT_EQ(round_trip(text), text);
}

TEST(Json, answers_nothing_about_another_kind) {
  const Document document = MUST(Document::parse(R"(["text", 7, [0], {"a": 0}])"));
  const Value root = document.root();
  EXPECT_FALSE(root.find("a"));
  EXPECT_EQ(root.at(0).size(), 0U);
  EXPECT_FALSE(root.at(0).find("a"));
  EXPECT_EQ(root.at(0).as_int64(), std::nullopt);
  EXPECT_EQ(root.at(2).as_uint64(), std::nullopt);
  EXPECT_EQ(root.at(3).as_double(), 0);
  EXPECT_EQ(root.at(1).as_string(), "");
  EXPECT_FALSE(root.at(1).as_bool());
}

TEST(Json, survives_being_moved) {
  Document first = MUST(Document::parse(R"(["a"])"));
  const Document second = std::move(first);
  EXPECT_EQ(second.root().at(0).as_string(), "a");
}

TEST(Json, keeps_64_bit_integers_exact) {
  const Document document =
      MUST(Document::parse("[9223372036854775807,-9223372036854775808,18446744073709551615,"
                           "18446744073709551616,9007199254740993,-0,1.5,1e2]"));
  const Value root = document.root();
  EXPECT_EQ(root.at(0).as_int64(), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(root.at(1).as_int64(), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(root.at(1).as_uint64(), std::nullopt);
  EXPECT_EQ(root.at(2).as_uint64(), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(root.at(2).as_int64(), std::nullopt);
  EXPECT_EQ(root.at(3).as_uint64(), std::nullopt);
  EXPECT_EQ(root.at(3).as_double(), 18446744073709551616.0);
  EXPECT_EQ(root.at(4).as_int64(), 9007199254740993);
  EXPECT_EQ(root.at(5).as_int64(), 0);
  EXPECT_EQ(root.at(6).as_int64(), std::nullopt);
  EXPECT_EQ(root.at(6).as_double(), 1.5);
  EXPECT_EQ(root.at(7).as_double(), 100.0);
}

TEST(Json, decodes_strings) {
  const Document document =
      MUST(Document::parse(R"(["\"\\\/\b\f\n\r\t", "\u00fc\ud83d\ude42", "a\u0000b", "ü🙂"])"));
  const Value root = document.root();
  EXPECT_EQ(root.at(0).as_string(), "\"\\/\b\f\n\r\t");
  EXPECT_EQ(root.at(1).as_string(), "ü🙂");
  EXPECT_EQ(root.at(2).as_string(), std::string_view("a\0b", 3));
  EXPECT_EQ(root.at(3).as_string(), "ü🙂");
}

TEST(Json, says_where_and_what_is_wrong) {
  EXPECT_EQ(refusal(""), "JSON line 1 column 1: the text ends too early");
  EXPECT_EQ(refusal(" \n "), "JSON line 2 column 2: the text ends too early");
  EXPECT_EQ(refusal("{\n  \"a\\n\": 1\n  \"b\": 2}"), "JSON line 3 column 3: expected ',' or '}'");
  EXPECT_EQ(refusal("[1 2]"), "JSON line 1 column 4: expected ',' or ']'");
  EXPECT_EQ(refusal("{1: 2}"), "JSON line 1 column 2: expected a key in double quotes");
  EXPECT_EQ(refusal("{\"a\" 2}"), "JSON line 1 column 6: expected ':' after the key");
  EXPECT_EQ(refusal("{\"a\": }"), "JSON line 1 column 7: expected a value");
  EXPECT_EQ(refusal("[\"a\\q\"]"), "JSON line 1 column 4: an unknown escape");
  EXPECT_EQ(refusal("[1e999]"), "JSON line 1 column 2: the number is out of range");
  EXPECT_EQ(refusal("1 2"), "JSON line 1 column 3: something follows the value");
  for (const char* text : {"[1,]",
                           "{\"a\":1,}",
                           "{",
                           "[",
                           "[1",
                           "\"a",
                           "nul",
                           "tru",
                           "'a'",
                           "+1",
                           "01",
                           "1.",
                           ".5",
                           "1e",
                           "NaN",
                           "Infinity",
                           "1e999",
                           "[//\n]",
                           "\"\\x\"",
                           "\"\\u12\"",
                           "\"\\u12\x10g\"",
                           "\"\\u-123\"",
                           "\"\\ud800\"",
                           "\"\\udc00\"",
                           "\"\\ud800\\u0041\"",
                           "\"\\ud800\\ud800\"",
                           "\"\\u",
                           "\"\\",
                           "-",
                           "-a",
                           "1.e1",
                           "0x1",
                           "--1",
                           "\"\t\"",
                           "\"\n\"",
                           "\"\xff\"",
                           "\"\xc0\xaf\"",
                           "\"\xed\xa0\x80\"",
                           "\xef\xbb\xbf{}",
                           "]",
                           "}",
                           "{]",
                           "[}",
                           ","})
    EXPECT_TRUE(refusal(text).starts_with("JSON line ")) << text;
}

TEST(Json, refuses_a_nul_byte_and_what_is_behind_it) {
  EXPECT_EQ(refusal(std::string("{}\0{}", 5)), "JSON line 1 column 3: a NUL byte");
  EXPECT_NE(refusal(std::string("{}\0", 3)), "");
  EXPECT_NE(refusal(std::string("\0", 1)), "");
  EXPECT_NE(refusal(std::string("\"a\0b\"", 5)), "");
}

TEST(Json, lets_keys_stand_twice_for_who_asks_for_it) {
  const Limits limits{.allows_repeated_keys = true};
  const Document document = MUST(Document::parse(R"({"b": {"a": 1, "a": 2}})", limits));
  EXPECT_TRUE(document.has_repeated_keys());
  EXPECT_EQ(document.root().find("b")->size(), 2U);
  EXPECT_FALSE(MUST(Document::parse(R"({"a": 1})", limits)).has_repeated_keys());
}

TEST(Json, refuses_a_key_twice) {
  EXPECT_EQ(refusal("{\"a\": 1,\n \"b\": {\"a\": 1}, \"a\": 2}"),
            "JSON line 2 column 23: the object that ends here has the key 'a' twice");
  EXPECT_EQ(refusal(R"({"a":1,"\u0061":2})"),
            "JSON line 1 column 18: the object that ends here has the key 'a' twice");
  EXPECT_EQ(refusal(R"([{"a":1},{"a":1}])"), "");
}

TEST(Json, bounds_size_and_depth) {
  EXPECT_EQ(refusal("[[1]]", {.depth = 2}), "");
  EXPECT_EQ(refusal("[[[1]]]", {.depth = 2}), "JSON line 1 column 3: nested deeper than 2 levels");
  EXPECT_EQ(refusal("[1]", {.bytes = 2}), "the JSON text has 3 bytes, more than the 2 allowed");
  // Deep nesting that is allowed costs heap, not stack.
  const std::size_t depth = 200'000;
  EXPECT_EQ(refusal(std::string(depth, '[') + std::string(depth, ']'), {.depth = depth}), "");
  EXPECT_NE(refusal(std::string(16 << 20, '[')), "");
}

TEST(Json, writes_compact_text) {
  Writer w;
  w.begin_object();
  w.key("text")
      .value("a\"\\\n\x01ü")
      .key("n")
      .value(-1)
      .key("u")
      .value(std::uint64_t{1} << 63)
      .key("d")
      .value(1.5);
  w.key("b").value(false).key("null").null().key("raw").raw("[1]");
  w.key("list").begin_array().value("x").begin_array().end_array().begin_object().end_object().end_array();
  w.end_object();
  EXPECT_EQ(std::move(w).text(),
            "{\"text\":\"a\\\"\\\\\\n\\u0001ü\",\"n\":-1,\"u\":9223372036854775808,\"d\":1.5,\"b\":false,"
            "\"null\":null,"
            "\"raw\":[1],\"list\":[\"x\",[],{}]}");
}

TEST(Json, writes_indented_text) {
  Writer w(Style::Indented);
  w.begin_object()
      .key("a")
      .begin_array()
      .value(1)
      .value(2)
      .end_array()
      .key("b")
      .begin_object()
      .end_object()
      .end_object();
  EXPECT_EQ(std::move(w).text(), "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {}\n}");
}

TEST(Json, writes_only_json) {
  Writer w;
  w.begin_array()
      .value("\xff|\xc3")
      .value(std::numeric_limits<double>::infinity())
      .value(1e300)
      .value(-0.0)
      .end_array();
  const std::string text = std::move(w).text();
  EXPECT_EQ(text, "[\"\\ufffd|\\ufffd\",null,1e+300,0]");
  EXPECT_EQ(refusal(text), "");
}

TEST(Json, copies_a_tree) {
  const std::string text = R"({"a":[1,-2,18446744073709551615,1.5,"\n",null,true,{"b":[]}]})";
  EXPECT_EQ(round_trip(text), text);
}

}  // namespace
}  // namespace gantry::json
