// SPDX-License-Identifier: Apache-2.0
#include "kube/control_plane/webhook_conversion.h"

#include <atomic>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "http/server.h"
#include "kube/api/test_objects.h"
#include "testing/must.h"

namespace gantry::kube {
namespace {

class Conversion : public ::testing::Test {
 protected:
  Conversion() {
    std::vector<http::Listener> listeners;
    listeners.push_back(MUST(http::Listener::tcp("127.0.0.1", 0)));
    server_ = MUST(http::Server::start(
        std::move(listeners),
        [this](http::Request& request, http::ResponseWriter& writer) { return serve(request, writer); }, {}));
    conversion_ = std::make_unique<WebhookConversion>(
        MUST(json::Tree::parse(
            fmt::format(R"({{"strategy":"Webhook","webhook":{{"conversionReviewVersions":["v1"],)"
                        R"("clientConfig":{{"url":"http://127.0.0.1:{}/"}}}}}})",
                        server_->listeners().front().port()))),
        services_);
  }

  // Objects with the version that is wanted, and what it was before as an annotation.
  Result<void> serve(http::Request& request, http::ResponseWriter& writer) {
    ++asked_;
    if (is_broken_) return writer.send(500, "out of order");
    const json::Tree review = TRY(json::Tree::parse(TRY(request.read_body(16 << 20))));
    json::TreeArray converted = review.find("request", "objects")->array();
    for (json::Tree& object : converted) {
      object.object()["metadata"].object()["annotations"].object()["was"] = object.text_at("apiVersion");
      object.object()["apiVersion"] = review.text_at("request", "desiredAPIVersion");
    }
    return writer.send(200,
                       fmt::format(R"({{"apiVersion":"apiextensions.k8s.io/v1","kind":"ConversionReview",)"
                                   R"("response":{{"uid":"{}","result":{{"status":"Success"}},)"
                                   R"("convertedObjects":{}}}}})",
                                   review.text_at("request", "uid"), json::Tree(converted).to_text()));
  }

  static std::vector<json::Tree> widgets(int count) {
    std::vector<json::Tree> widgets;
    for (int i = 0; i < count; ++i)
      widgets.push_back(MUST(json::Tree::parse(
          fmt::format(R"({{"apiVersion":"e.com/v1","kind":"Widget","metadata":{{"name":"w{}"}}}})", i))));
    return widgets;
  }

  testing::TestObjects objects_;
  ServiceRouter services_{objects_, ServiceRouting::Endpoints};
  std::atomic<int> asked_ = 0;
  std::atomic<bool> is_broken_ = false;
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<WebhookConversion> conversion_;
};

TEST_F(Conversion, ObjectsComeBackInTheirOrder) {
  const auto converted = conversion_->convert(widgets(3), "e.com/v2").value();
  ASSERT_EQ(converted.size(), 3U);
  EXPECT_EQ(
      converted[2].to_text(),
      R"({"apiVersion":"e.com/v2","kind":"Widget","metadata":{"annotations":{"was":"e.com/v1"},"name":"w2"}})");
  EXPECT_EQ(asked_, 1);
}

TEST_F(Conversion, WhatWasAnsweredIsNotAskedAgain) {
  (void)conversion_->convert(widgets(3), "e.com/v2").value();
  const auto again = conversion_->convert(widgets(4), "e.com/v2").value();
  EXPECT_EQ(asked_, 2);
  EXPECT_EQ(again[3].text_at("metadata", "name"), "w3");
  (void)conversion_->convert(widgets(4), "e.com/v2").value();
  EXPECT_EQ(asked_, 2);
  (void)conversion_->convert(widgets(1), "e.com/v3").value();
  EXPECT_EQ(asked_, 3);
}

TEST_F(Conversion, ManyAreAskedAboutInTurns) {
  EXPECT_EQ(conversion_->convert(widgets(1200), "e.com/v2").value().back().text_at("metadata", "name"),
            "w1199");
  EXPECT_EQ(asked_, 3);
}

TEST_F(Conversion, AFailureNamesTheKind) {
  is_broken_ = true;
  const auto refused = conversion_->convert(widgets(1), "e.com/v2");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error()->code, 500);
  EXPECT_EQ(refused.error()->message,
            "conversion webhook for e.com/v1, Kind=Widget failed: the server answered 500: out of order");
}

}  // namespace
}  // namespace gantry::kube
