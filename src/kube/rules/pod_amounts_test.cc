// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/pod_amounts.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::kube::rules {
namespace {

TEST(PodAmounts, are_the_most_that_a_pod_needs_at_a_time) {
  const json::Tree pod = MUST(json::Tree::parse(
      R"({"spec":{"overhead":{"cpu":"10m"},"containers":[{"resources":{"requests":{"cpu":"100m"}}},)"
      R"({"resources":{"requests":{"cpu":"200m"}}}],"initContainers":[)"
      R"({"restartPolicy":"Always","resources":{"requests":{"cpu":"50m"}}},)"
      R"({"resources":{"requests":{"cpu":"1","memory":"1Gi"}}}]}})"));
  const ResourceAmounts amounts = amounts_of_pod(pod, "requests");
  EXPECT_EQ(amounts.at("cpu").text(), "1060m");
  EXPECT_EQ(amounts.at("memory").text(), "1Gi");
}

TEST(PodAmounts, of_the_pod_itself_count_in_place_of_its_containers) {
  const json::Tree pod = MUST(json::Tree::parse(
      R"({"spec":{"resources":{"limits":{"cpu":"2"}},"overhead":{"cpu":"10m"},"containers":[)"
      R"({"resources":{"limits":{"cpu":"1","memory":"1Mi"}}},{"resources":{"limits":{"cpu":"3"}}}]}})"));
  const ResourceAmounts amounts = amounts_of_pod(pod, "limits");
  EXPECT_EQ(amounts.at("cpu").text(), "2010m");
  EXPECT_EQ(amounts.at("memory").text(), "1Mi");
  EXPECT_TRUE(amounts_of_pod(pod, "requests").contains("cpu"));  // the overhead
}

}  // namespace
}  // namespace gantry::kube::rules
