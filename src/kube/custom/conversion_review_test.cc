// SPDX-License-Identifier: Apache-2.0
#include "kube/custom/conversion_review.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::kube::custom {
namespace {

const char* const kWidget =
    R"({"apiVersion":"e.com/v1","kind":"Widget","metadata":{"name":"a","namespace":"n","uid":"7","labels":{"x":"1"}},)"
    R"("spec":{"size":"4 cm"}})";

class ConversionReview : public ::testing::Test {
 protected:
  ConversionReview() { objects_.push_back(MUST(json::Tree::parse(kWidget))); }

  ConversionRequest request() const {
    return {.objects = objects_, .api_version = "e.com/v2", .uid = "u", .review_version = "v1"};
  }
  static std::string answer(std::string_view objects, std::string_view result = R"({"status":"Success"})") {
    return fmt::format(R"({{"apiVersion":"apiextensions.k8s.io/v1","kind":"ConversionReview","response":)"
                       R"({{"uid":"u","result":{},"convertedObjects":[{}]}}}})",
                       result, objects);
  }
  std::string refusal(const std::string& text) const {
    const auto read = read_conversion(request(), text);
    return read ? "" : read.error().message();
  }

  std::vector<json::Tree> objects_;
};

TEST_F(ConversionReview, AsksForObjectsInAVersion) {
  const json::Tree review = MUST(json::Tree::parse(conversion_review(request())));
  EXPECT_EQ(review.text_at("apiVersion"), "apiextensions.k8s.io/v1");
  EXPECT_EQ(review.text_at("request", "desiredAPIVersion"), "e.com/v2");
  EXPECT_EQ(review.find("request", "objects")->array().front(), objects_.front());
}

TEST_F(ConversionReview, OfTheMetadataOnlyLabelsAndAnnotationsChange) {
  const auto read = MUST(read_conversion(
      request(),
      answer(R"({"apiVersion":"e.com/v2","kind":"Widget","metadata":{"name":"a","namespace":"n","uid":"7",)"
             R"("finalizers":["x"],"annotations":{"old":"4 cm"}},"spec":{"size":4}})")));
  ASSERT_EQ(read.size(), 1U);
  EXPECT_EQ(read.front().to_text(),
            R"({"apiVersion":"e.com/v2","kind":"Widget","metadata":{"annotations":{"old":"4 cm"},"name":"a",)"
            R"("namespace":"n","uid":"7"},"spec":{"size":4}})");
}

TEST_F(ConversionReview, WhatTheWebhookSaysOfAFailureIsTold) {
  EXPECT_EQ(refusal(answer("", R"({"status":"Failed","message":"no size"})")), "failed: no size");
  EXPECT_EQ(refusal(answer("", R"({})")), "failed: response.result.status was '', not 'Success'");
}

TEST_F(ConversionReview, AnswersThatAreNoneAreRefused) {
  EXPECT_EQ(refusal("{}"), "failed: no response provided");
  EXPECT_EQ(
      refusal(R"({"response":{"uid":"u"}})"),
      "failed: expected webhook response of apiextensions.k8s.io/v1, Kind=ConversionReview, got , Kind=");
  EXPECT_EQ(refusal(answer("")), "returned 0 objects, expected 1");
  EXPECT_EQ(refusal(answer(kWidget)),
            "returned invalid converted object at index 0: invalid groupVersion (expected e.com/v2, received "
            "e.com/v1)");
  EXPECT_EQ(refusal(answer(R"({"apiVersion":"e.com/v2","kind":"Widget","metadata":{"name":"b"}})")),
            "returned invalid converted object at index 0: must have the same name: a != b");
  EXPECT_EQ(refusal(answer("7")), "returned invalid converted object at index 0: it is no object");
}

}  // namespace
}  // namespace gantry::kube::custom
