// SPDX-License-Identifier: Apache-2.0
#include "kube/protobuf/envelope.h"

#include <gtest/gtest.h>

#include "kube/protobuf/test_types.h"
#include "testing/must.h"

namespace gantry::kube::protobuf {
namespace {

using namespace std::literals;

const Type& type() {
  static const TestTypes types;
  return types.root();
}

json::Document object(const char* text) { return MUST(json::Document::parse(text)); }

TEST(Envelope, says_what_it_carries) {
  const std::string body = MUST(encode_object("v1", "Pod", type(), object(R"({"int32":1})").root()));
  EXPECT_EQ(body, "k8s\0\x0A\x09\x0A\x02v1\x12\x03Pod\x12\x02\x40\x01"s);
  const Envelope envelope = MUST(open_envelope(body));
  EXPECT_EQ(envelope.api_version, "v1");
  EXPECT_EQ(envelope.kind, "Pod");
  EXPECT_EQ(MUST(decode_object(envelope, type())).to_text(), R"({"apiVersion":"v1","int32":1,"kind":"Pod"})");
}

TEST(Envelope, may_carry_json) {
  const Envelope envelope{.message = R"({"kind":"Pod"})", .content_type = "application/json"};
  EXPECT_EQ(MUST(decode_object(envelope, type())).to_text(), R"({"kind":"Pod"})");
}

TEST(Envelope, is_refused_when_it_is_none_or_compressed) {
  EXPECT_EQ(open_envelope("{}").error().code(), Code::InvalidArgument);
  EXPECT_EQ(open_envelope("k8s\0\x0A"sv).error().code(), Code::InvalidArgument);
  EXPECT_EQ(open_envelope("k8s\0\x1A\x04gzip"sv).error().code(), Code::Unsupported);
}

TEST(ListEncoder, makes_a_list_of_items) {
  ListEncoder list("v1", "PodList", type());
  list.set_metadata({.resource_version = "42", .continue_token = "c", .remaining_items = 3});
  ASSERT_TRUE(list.add(object(R"({"int32":1})").root()));
  ASSERT_TRUE(list.add(object("{}").root()));
  const ListEncoder::Body body = std::move(list).finish();
  const std::string whole = body.head + body.rest;
  const Envelope envelope = MUST(open_envelope(whole));
  EXPECT_EQ(envelope.kind, "PodList");
  EXPECT_EQ(envelope.message,
            "\x0A\x09\x12\x02"
            "42\x1A\x01"
            "c\x20\x03\x12\x02\x40\x01\x12\x00"sv);
}

TEST(WatchFrame, has_its_length_in_front) {
  EXPECT_EQ(watch_frame("ADDED", "x"),
            "\0\0\0\x0C\x0A\x05"
            "ADDED\x12\x03\x0A\x01x"s);
}

}  // namespace
}  // namespace gantry::kube::protobuf
