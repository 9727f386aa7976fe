// SPDX-License-Identifier: Apache-2.0
#include "base/json_codec.h"

#include <gtest/gtest.h>

#include <array>

#include <fmt/format.h>

#include "testing/must.h"

namespace gantry {
namespace {
struct Share;
struct Words : std::vector<std::string> {
  using std::vector<std::string>::vector;
};
}  // namespace
template <>
struct json::TypeOf<Words> : json::OneOrMoreTypeOf<Words> {};
template <>
struct json::TypeOf<Share> : json::TextTypeOf<Share> {};

namespace {

enum class Colour : std::uint8_t { Red, Green };
constexpr std::array<std::string_view, 2> names_of(Colour) { return {"red", "green"}; }

struct Limit {
  std::optional<std::int64_t> bytes;
  std::uint16_t weight = 0;
};

struct Box {
  std::string name;
  bool open = false;
  std::int16_t small = 0;
  std::int64_t large = 0;
  std::uint64_t huge = 0;
  double ratio = 0;
  Colour colour = Colour::Red;
  std::optional<Colour> lid;
  std::vector<std::string> tags;
  std::vector<Limit> limits;
  std::map<std::string, std::string> labels;
  std::map<std::string, Limit> named_limits;
  std::optional<Limit> limit;
  Limit inner;
  std::vector<std::vector<std::int32_t>> grid;
};

using json::Fields;
using enum json::Presence;

void fields(Fields& f, Limit& limit) {
  f("bytes", limit.bytes);
  f("weight", limit.weight);
}

void fields(Fields& f, Box& box) {
  f("name", box.name, Required);
  f("open", box.open);
  f("small", box.small);
  f("large", box.large);
  f("huge", box.huge, Always);
  f("ratio", box.ratio);
  f("colour", box.colour);
  f("lid", box.lid);
  f("tags", box.tags);
  f("limits", box.limits);
  f("labels", box.labels);
  f("namedLimits", box.named_limits);
  f("limit", box.limit);
  f("inner", box.inner);
  f("grid", box.grid);
}

Result<Box> read(const std::string& text, json::UnknownKeys unknown = json::UnknownKeys::Ignore) {
  const json::Document document = MUST(json::Document::parse(text));
  return json::decode<Box>(document.root(), unknown);
}

struct Share {
  unsigned percent = 0;

  static Result<Share> parse(std::string_view text) {
    if (!text.ends_with('%')) return error(Code::Unsupported, "is no share");
    return Share{static_cast<unsigned>(std::stoul(std::string(text)))};
  }
  std::string str() const { return percent == 0 ? "" : fmt::format("{}%", percent); }
};

struct Shares {
  Share a;
  std::vector<Share> b;
};

void fields(Fields& f, Shares& shares) {
  f("a", shares.a);
  f("b", shares.b);
}

std::string refusal(const std::string& text, json::UnknownKeys unknown = json::UnknownKeys::Ignore) {
  const Result<Box> box = read(text, unknown);
  return box ? "" : box.error().message();
}

std::string refusal_of(const std::string& field) { return refusal("{\"name\":\"n\"," + field + "}"); }

TEST(JsonCodec, keeps_everything_through_text) {
  const std::string text =
      R"({"name":"n","open":true,"small":-32768,"large":-9223372036854775808,"huge":18446744073709551615,"ratio":0.5,)"
      R"("colour":"green","lid":"red","tags":["a",""],"limits":[{"bytes":0,"weight":65535},{}],"labels":{"a":"1","b":""},)"
      R"("namedLimits":{"x":{"bytes":-1}},"limit":{},"inner":{"weight":1},"grid":[[1,-2],[]]})";
  EXPECT_EQ(json::encode(MUST(read(text))), text);
}

TEST(JsonCodec, leaves_empty_fields_out) {
  EXPECT_EQ(json::encode(MUST(read(R"({"name":""})"))), R"({"name":"","huge":0,"colour":"red"})");
}

TEST(JsonCodec, takes_null_for_absent) {
  EXPECT_EQ(json::encode(MUST(
                read(R"({"name":"n","tags":null,"limit":null,"inner":null,"labels":null,"open":null})"))),
            json::encode(MUST(read(R"({"name":"n"})"))));
  EXPECT_EQ(refusal(R"({"name":null})"), "name: is required");
  EXPECT_EQ(refusal_of(R"("tags":["a",null])"), "tags[1]: expected a string, is null");
}

TEST(JsonCodec, takes_null_for_an_empty_value_of_a_map) {
  EXPECT_EQ(MUST(read(R"({"name":"n","labels":{"a":null}})")).labels.at("a"), "");
  EXPECT_FALSE(MUST(read(R"({"name":"n","namedLimits":{"a":null}})")).named_limits.at("a").bytes);
}

TEST(JsonCodec, takes_one_element_for_a_list_where_the_type_says_so) {
  const auto words = [](const char* text) -> Result<Words> {
    const json::Document document = MUST(json::Document::parse(text));
    return json::decode<Words>(document.root());
  };
  EXPECT_EQ(MUST(words(R"("one")")), Words{"one"});
  EXPECT_EQ(MUST(words(R"(["one","two"])")), (Words{"one", "two"}));
  EXPECT_EQ(words("5").error().message(), "expected a string, is a number");
  EXPECT_EQ(json::encode(Words{"one"}), R"(["one"])");
}

TEST(JsonCodec, merges_into_what_is_there) {
  Box box{.name = "old", .tags = {"a", "b"}, .labels = {{"a", "1"}}, .limit = Limit{.bytes = 1, .weight = 2}};
  const json::Document document =
      MUST(json::Document::parse(R"({"name":"new","tags":["c"],"labels":{"b":"2"},"limit":{"bytes":3}})"));
  MUST(json::decode_into(box, document.root()));
  EXPECT_EQ(json::encode(box),
            R"({"name":"new","huge":0,"colour":"red","tags":["c"],"labels":{"a":"1","b":"2"},)"
            R"("limit":{"bytes":3,"weight":2}})");
}

TEST(JsonCodec, names_the_field_that_is_wrong) {
  EXPECT_EQ(refusal("[]"), "expected an object, is an array");
  EXPECT_EQ(refusal("{}"), "name: is required");
  EXPECT_EQ(refusal_of(R"("open":1)"), "open: expected a boolean, is a number");
  EXPECT_EQ(refusal_of(R"("limit":{"bytes":"1"})"), "limit.bytes: expected a 64-bit integer, is a string");
  EXPECT_EQ(refusal_of(R"("limits":[{},{"weight":-1}])"),
            "limits[1].weight: expected an unsigned 16-bit integer, is -1");
  EXPECT_EQ(refusal_of(R"("grid":[[],[0,"x"]])"), "grid[1][1]: expected a 32-bit integer, is a string");
  EXPECT_EQ(refusal_of(R"("namedLimits":{"a.b":{"bytes":1.5}})"),
            "namedLimits['a.b'].bytes: expected a 64-bit integer, is 1.5");
  EXPECT_EQ(refusal_of(R"("ratio":"x")"), "ratio: expected a number, is a string");
  EXPECT_EQ(refusal_of(R"("colour":"blue")"), "colour: 'blue' is not one of red, green");
  EXPECT_EQ(refusal_of(R"("colour":1)"), "colour: expected a string, is a number");
  EXPECT_EQ(refusal_of(R"("labels":[])"), "labels: expected an object, is an array");
  EXPECT_EQ(refusal_of(R"("tags":{})"), "tags: expected an array, is an object");
}

TEST(JsonCodec, takes_only_integers_that_fit) {
  EXPECT_EQ(refusal_of(R"("small":32768)"), "small: expected a 16-bit integer, is 32768");
  EXPECT_EQ(refusal_of(R"("small":-32769)"), "small: expected a 16-bit integer, is -32769");
  EXPECT_EQ(refusal_of(R"("large":9223372036854775808)"),
            "large: expected a 64-bit integer, is 9223372036854775808");
  EXPECT_EQ(refusal_of(R"("huge":18446744073709551616)"),
            "huge: expected an unsigned 64-bit integer, is 1.8446744073709552e+19");
  EXPECT_EQ(refusal_of(R"("huge":1e3)"), "huge: expected an unsigned 64-bit integer, is 1000");
  EXPECT_EQ(refusal_of(R"("huge":true)"), "huge: expected an unsigned 64-bit integer, is true");
}

TEST(JsonCodec, refuses_nul_bytes_in_strings) {
  EXPECT_EQ(refusal(R"({"name":"a\u0000b"})"), "name: contains a NUL byte");
  EXPECT_EQ(refusal_of(R"("labels":{"a\u0000":"b"})"), "labels['a\\x00']: contains a NUL byte");
}

TEST(JsonCodec, refuses_unknown_keys_only_when_asked) {
  const std::string text = R"({"name":"n","nmae":1,"open":null})";
  EXPECT_EQ(refusal(text), "");
  EXPECT_EQ(refusal(text, json::UnknownKeys::Refuse), "unknown key 'nmae'");
  EXPECT_EQ(refusal(R"({"name":"n","limit":{"x\n":1}})", json::UnknownKeys::Refuse),
            "limit: unknown key 'x\\n'");
}

TEST(JsonCodec, keeps_messages_short_and_on_one_line) {
  const std::string message = refusal_of("\"labels\":{\"" + std::string(1 << 20, 'k') + "\\n\":1}");
  EXPECT_LT(message.size(), 200U);
  EXPECT_LT(refusal_of("\"colour\":\"" + std::string(1 << 20, 'c') + "\"").size(), 200U);
}

TEST(JsonCodec, writes_and_reads_types_that_have_a_text) {
  const json::Document document = MUST(json::Document::parse(R"({"a":"10%","b":["0%"]})"));
  const Shares shares = MUST(json::decode<Shares>(document.root()));
  EXPECT_EQ(shares.a.percent, 10U);
  EXPECT_EQ(json::encode(shares), R"({"a":"10%","b":[""]})");
  EXPECT_EQ(json::encode(Shares{}), "{}");

  const auto refusal_of_shares = [](std::string text) {
    const json::Document wrong = MUST(json::Document::parse(std::move(text)));
    return json::decode<Shares>(wrong.root()).error();
  };
  EXPECT_EQ(refusal_of_shares(R"({"b":["1%","x"]})").message(), "b[1]: is no share");
  EXPECT_EQ(refusal_of_shares(R"({"b":["1%","x"]})").code(), Code::Unsupported);
  EXPECT_EQ(refusal_of_shares(R"({"a":1})").message(), "a: expected a string, is a number");
}

TEST(JsonCodec, knows_the_keys_of_a_struct) {
  EXPECT_EQ(json::keys_of<Limit>(), (std::vector<std::string>{"bytes", "weight"}));
}

}  // namespace
}  // namespace gantry
