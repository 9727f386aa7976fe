// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/test_objects.h"

namespace gantry::kube::rules {
namespace {

TEST(ResourceQuota, LimitsAmounts) {
  const Resource quotas = resource("", "ResourceQuota");
  EXPECT_EQ(faults(quotas, object(R"("spec":{"hard":{"pods":"10","requests.cpu":"1"}})")), "");
  EXPECT_EQ(
      faults(quotas, object(R"("spec":{"hard":{"pods":"-1"},"scopes":["BestEffort","NotBestEffort"]})")),
      "spec.hard[pods]: Invalid value: \"-1\": must be greater than or equal to 0\n"
      "spec.scopes: Invalid value: [\"BestEffort\",\"NotBestEffort\"]: conflicting scopes");
}

TEST(LimitRange, ItsBordersAreInOrder) {
  EXPECT_EQ(
      faults(
          resource("", "LimitRange"),
          object(
              R"("spec":{"limits":[{"type":"Container","min":{"cpu":"2"},"max":{"cpu":"1"}},{"type":"Pod","default":{"cpu":"1"}}]})")),
      "spec.limits[0].min[cpu]: Invalid value: \"2\": min value 2 is greater than max value 1\n"
      "spec.limits[1].default: Forbidden: may not be specified when `type` is 'Pod'");
}

}  // namespace
}  // namespace gantry::kube::rules
