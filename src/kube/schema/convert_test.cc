// SPDX-License-Identifier: Apache-2.0
#include "kube/schema/convert.h"

#include <string>

#include <gtest/gtest.h>

#include "kube/schema/catalog.h"
#include "testing/must.h"

namespace gantry::kube {
namespace {

json::Tree tree(const char* text) { return MUST(json::Tree::parse(text)); }

TEST(Convert, EventsHaveTwoSetsOfNames) {
  const Resource& events = *Catalog::built_in().find("events.k8s.io", "v1", "events");
  json::Tree event = tree(
      R"({"apiVersion":"events.k8s.io/v1","kind":"Event","note":"n","regarding":{"kind":"Pod"},"deprecatedCount":2,)"
      R"("reportingController":"c","type":"Normal"})");
  const json::Tree shown = event;
  to_stored(events, event);
  EXPECT_EQ(event.to_text(),
            R"({"apiVersion":"v1","count":2,"involvedObject":{"kind":"Pod"},"kind":"Event","message":"n",)"
            R"("reportingComponent":"c","type":"Normal"})");
  from_stored(events, event);
  EXPECT_EQ(event, shown);
}

TEST(Convert, WhatIsShownAsItIsStoredStaysAsItIs) {
  json::Tree pod = tree(R"({"apiVersion":"v1","kind":"Pod"})");
  to_stored(*Catalog::built_in().find("", "v1", "pods"), pod);
  EXPECT_EQ(pod.to_text(), R"({"apiVersion":"v1","kind":"Pod"})");
}

TEST(Convert, AnAutoscalerOfV1AsksForTheProcessorsUse) {
  const Resource& autoscalers = *Catalog::built_in().find("autoscaling", "v1", "horizontalpodautoscalers");
  json::Tree autoscaler =
      tree(R"({"apiVersion":"autoscaling/v1","kind":"HorizontalPodAutoscaler","spec":{"maxReplicas":3,)"
           R"("targetCPUUtilizationPercentage":70},"status":{"currentCPUUtilizationPercentage":50}})");
  const json::Tree shown = autoscaler;
  to_stored(autoscalers, autoscaler);
  EXPECT_EQ(
      autoscaler.to_text(),
      R"({"apiVersion":"autoscaling/v2","kind":"HorizontalPodAutoscaler","spec":{"maxReplicas":3,"metrics":[)"
      R"({"resource":{"name":"cpu","target":{"averageUtilization":70,"type":"Utilization"}},)"
      R"("type":"Resource"}]},"status":{"currentMetrics":[{"resource":{"current":{)"
      R"("averageUtilization":50},"name":"cpu"},"type":"Resource"}]}})");
  from_stored(autoscalers, autoscaler);
  EXPECT_EQ(autoscaler, shown);
}

TEST(Convert, WhatV1CannotSayOfAnAutoscalerGoesThroughAnnotations) {
  const Resource& autoscalers = *Catalog::built_in().find("autoscaling", "v1", "horizontalpodautoscalers");
  json::Tree autoscaler = tree(
      R"({"apiVersion":"autoscaling/v2","kind":"HorizontalPodAutoscaler","spec":{"behavior":{"scaleUp":{}},)"
      R"("metrics":[{"type":"Pods","pods":{"metric":{"name":"hits"},"target":{"type":"AverageValue",)"
      R"("averageValue":"10"}}},{"type":"Object","object":{"describedObject":{"kind":"Service"},)"
      R"("metric":{"name":"x"},"target":{"type":"Value","value":"1"}}}]}})");
  const json::Tree stored = autoscaler;
  from_stored(autoscalers, autoscaler);
  EXPECT_EQ(
      autoscaler.text_at("metadata", "annotations", "autoscaling.alpha.kubernetes.io/metrics"),
      R"([{"pods":{"metricName":"hits","targetAverageValue":"10"},"type":"Pods"},)"
      R"({"object":{"metricName":"x","target":{"kind":"Service"},"targetValue":"1"},"type":"Object"}])");
  EXPECT_EQ(autoscaler.find("spec")->to_text(), "{}");
  to_stored(autoscalers, autoscaler);
  autoscaler.object().erase("metadata");
  EXPECT_EQ(autoscaler, stored);
}

}  // namespace
}  // namespace gantry::kube
