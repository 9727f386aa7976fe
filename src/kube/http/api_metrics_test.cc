// SPDX-License-Identifier: Apache-2.0
#include "kube/http/api_metrics.h"

#include <gtest/gtest.h>

namespace gantry::kube {
namespace {

using namespace std::chrono_literals;

const RequestLabels kGetPods{
    .verb = "GET", .group = "", .version = "v1", .resource = "pods", .subresource = "", .scope = "resource"};

std::string page_of(const ApiMetrics& metrics) {
  MetricsPage page;
  metrics.write(page);
  return std::move(page).text();
}
bool says(const ApiMetrics& metrics, std::string_view line) {
  return page_of(metrics).find(line) != std::string::npos;
}

TEST(ApiMetrics, RequestsAreCountedByWhatTheyWereAbout) {
  ApiMetrics metrics;
  metrics.answered(kGetPods, 200, 30ms);
  metrics.answered(kGetPods, 404, 1ms);
  metrics.answered(kGetPods, 200, 1ms);
  const std::string labels =
      R"(verb="GET",group="",version="v1",resource="pods",subresource="",scope="resource",component="apiserver")";
  EXPECT_TRUE(says(metrics, "apiserver_request_total{" + labels + ",code=\"200\"} 2\n"));
  EXPECT_TRUE(says(metrics, "apiserver_request_total{" + labels + ",code=\"404\"} 1\n"));
  EXPECT_TRUE(says(metrics, "apiserver_request_duration_seconds_bucket{" + labels + ",le=\"0.025\"} 2\n"));
  EXPECT_TRUE(says(metrics, "apiserver_request_duration_seconds_count{" + labels + "} 3\n"));
}

TEST(ApiMetrics, StreamsAreCountedWhileTheyLast) {
  ApiMetrics metrics;
  RequestLabels watch = kGetPods;
  watch.verb = "WATCH";
  const auto one = metrics.long_running(watch);
  {
    const auto other = metrics.long_running(watch);
    EXPECT_TRUE(says(metrics, "scope=\"resource\",component=\"apiserver\"} 2\n"));
  }
  EXPECT_TRUE(says(metrics, "scope=\"resource\",component=\"apiserver\"} 1\n"));
}

TEST(ApiMetrics, WhatIsAtWorkReadsOrWrites) {
  ApiMetrics metrics;
  RequestLabels create = kGetPods;
  create.verb = "POST";
  {
    const ApiMetrics::InFlight here(metrics, create);
    EXPECT_TRUE(says(metrics, "apiserver_current_inflight_requests{request_kind=\"mutating\"} 1\n"));
  }
  EXPECT_TRUE(says(metrics, "apiserver_current_inflight_requests{request_kind=\"mutating\"} 0\n"));
}

TEST(ApiMetrics, WhoeverMakesUpResourcesFillsNoMemory) {
  ApiMetrics metrics(20);
  RequestLabels made_up = kGetPods;
  for (int i = 0; i < 30; ++i) {
    made_up.resource = std::to_string(i);
    metrics.answered(made_up, 200, 1ms);
  }
  EXPECT_TRUE(says(metrics, "resource=\"19\""));
  EXPECT_FALSE(says(metrics, "resource=\"20\""));
  EXPECT_TRUE(says(metrics, R"(resource="",subresource="",scope="",component="apiserver",code="0"} 10)"));
}

}  // namespace
}  // namespace gantry::kube
