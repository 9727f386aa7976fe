// SPDX-License-Identifier: Apache-2.0
#include "kube/protobuf/message.h"

#include <gtest/gtest.h>

#include "kube/protobuf/test_types.h"
#include "kube/schema/decode.h"
#include "testing/must.h"

namespace gantry::kube::protobuf {
namespace {

using namespace std::literals;

const TestTypes& types() {
  static const TestTypes all;
  return all;
}

std::string encoded(std::string json) {
  return MUST(encode(types().root(), MUST(json::Document::parse(std::move(json))).root()));
}

std::string decoded(std::string_view message) { return MUST(decode(types().root(), message)).to_text(); }

std::string fault_of(const Result<json::Tree>& result) { return result ? "" : result.error().message(); }

TEST(Message, keeps_values_of_every_form) {
  const std::string text =
      R"({"any":{"a":[1,"x"]},"bool":true,"bytes":"AAH/","double":0.5,"duration":"1h0m1.5s",)"
      R"("extra":{"a":["1","2"],"b":[]},"hidden":"h","hiddenDeeper":{"name":"d"},"int32":-7,)"
      R"("int64":-9223372036854775808,"intOrString":"http","kept":0,"leaf":{"name":"l"},)"
      R"("leaves":[{"name":"1"},{}],"map":{"k":{"name":"m"},"n":{}},"micro":"2026-11-21T10:20:30.123456Z",)"
      R"("quantity":"100m","required":"","texts":["","a"],"time":"1969-12-31T23:59:59Z"})";
  EXPECT_EQ(decoded(encoded(text)), text);
}

TEST(Message, keeps_what_may_be_a_struct_or_something_else) {
  for (const char* const text :
       {R"({"wholeOrBool":{"name":"x"},"wholeOrList":{"name":"x"},"wholeOrTexts":{"name":"x"}})",
        R"({"wholeOrBool":true,"wholeOrList":[{"name":"x"},{}],"wholeOrTexts":["a","b"]})",
        R"({"wholeOrBool":false,"wholeOrList":[],"wholeOrTexts":[]})"})
    EXPECT_EQ(decoded(encoded(text)), text);
  EXPECT_EQ(encoded(R"({"wholeOrBool":{}})"), "\xA2\x01\x04\x08\x01\x12\x00"s);
}

TEST(Message, has_the_bytes_of_the_numbers_in_the_schema) {
  EXPECT_EQ(encoded(R"({"int32":300})"), "\x40\xAC\x02"s);
  EXPECT_EQ(encoded(R"({"leaf":{"name":"web"}})"), "\x62\x05\x0A\x03web"s);
  EXPECT_EQ(encoded(R"({"hidden":"h"})"), "\x3A\x03\x0A\x01h"s);
  EXPECT_EQ(encoded(R"({"intOrString":80})"), "\x52\x04\x08\x00\x10\x50"s);
  EXPECT_EQ(encoded(R"({"time":"1970-01-01T00:00:01Z"})"), "\x9A\x01\x02\x08\x01"s);
}

TEST(Message, leaves_out_what_is_null_and_what_has_no_number) {
  EXPECT_EQ(encoded(R"({"leaf":null,"notInProtobuf":"x","unknown":1})"), "");
}

TEST(Message, drops_the_zeros_that_clients_cannot_help_sending) {
  EXPECT_EQ(decoded(encoded(R"({"bool":false,"int32":0,"intOrString":0,"double":0,"bytes":""})")), "{}");
  EXPECT_EQ(decoded(encoded(R"({"kept":0,"required":""})")), R"({"kept":0,"required":""})");
  EXPECT_EQ(decoded("\x9A\x01\x00"sv), "{}") << "a time without a message in it is none";
}

TEST(Message, puts_together_what_comes_in_parts) {
  EXPECT_EQ(decoded("\x62\x00\x62\x03\x0A\x01x"sv), R"({"leaf":{"name":"x"}})");
  EXPECT_EQ(decoded("\x40\x01\x40\x02"sv), R"({"int32":2})") << "the last counts";
}

TEST(Message, overlooks_fields_that_it_does_not_know) {
  EXPECT_EQ(decoded("\xA0\x06\x01\xA2\x06\x01x\xA1\x06\x01\x02\x03\x04\x05\x06\x07\x08\x40\x01"sv),
            R"({"int32":1})");
}

TEST(Message, refuses_what_is_no_message) {
  EXPECT_EQ(fault_of(decode(types().root(), "\x62\x05\x0A"sv)),
            "the protobuf message ends in the middle of a field");
  EXPECT_EQ(fault_of(decode(types().root(), "\x07"sv)), "the protobuf message has a field with the number 0");
  EXPECT_EQ(fault_of(decode(types().root(), "\x43"sv)), "the protobuf message has a field of wire type 3");
  EXPECT_EQ(fault_of(decode(types().root(), "\x42\x00"sv)),
            "int32: field 8 of the protobuf message has the wire type 2");
  EXPECT_EQ(fault_of(decode(types().root(), "\x62\x03\x0A\x01\xFF"sv)),
            "leaf: name: a string in the protobuf message is not UTF-8");
  EXPECT_EQ(fault_of(decode(types().root(), "\x9A\x01\x07\x08\xFF\xFF\xFF\xFF\xFF\x7F"sv)),
            "time: a time in the protobuf message is out of range");
}

TEST(Message, says_which_value_it_cannot_encode) {
  const auto document = MUST(json::Document::parse(R"({"leaf":{"name":1}})"));
  const auto failed = encode(types().root(), document.root());
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message(), "leaf: name: the value is not a string");
}

TEST(Message, is_only_so_deep) {
  std::string message;
  for (std::size_t i = 0; i <= kObjectLimits.depth; ++i) {
    WireWriter writer;
    writer.bytes(1, message);
    message = std::move(writer).message();
  }
  const auto failed = decode(types().tree(), message);
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().message().find("is nested deeper than"), std::string::npos);
}

TEST(Message, takes_a_map_of_many_members_in_any_order) {
  WireWriter writer;
  for (int i = 100'000; i > 0; --i) {
    const std::size_t mark = writer.begin();
    writer.bytes(1, std::to_string(1'000'000 + i));
    writer.end(14, mark);
  }
  const json::Tree tree = MUST(decode(types().root(), std::move(writer).message()));
  EXPECT_EQ(tree.find("map")->object().size(), 100'000U);
}

}  // namespace
}  // namespace gantry::kube::protobuf
