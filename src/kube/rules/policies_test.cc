// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/test_objects.h"

namespace gantry::kube::rules {
namespace {

TEST(PodDisruptionBudget, SaysOneOfTwo) {
  EXPECT_TRUE(faults(resource("policy", "PodDisruptionBudget"),
                     object(R"("spec":{"minAvailable":1,"maxUnavailable":"x"})"))
                  .find("minAvailable and maxUnavailable cannot be both set\nspec.maxUnavailable: Invalid "
                        "value: \"x\": a valid "
                        "percent string") != std::string::npos);
}

TEST(HorizontalPodAutoscaler, ScalesBetweenTwoNumbers) {
  const Resource autoscalers = resource("autoscaling", "HorizontalPodAutoscaler");
  EXPECT_EQ(
      faults(
          autoscalers,
          object(
              R"("spec":{"scaleTargetRef":{"kind":"Deployment","name":"web"},"minReplicas":1,"maxReplicas":3,)"
              R"("metrics":[{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":80}}}]})")),
      "");
  EXPECT_EQ(
      faults(autoscalers,
             object(R"("spec":{"scaleTargetRef":{"kind":"Deployment"},"minReplicas":5,"maxReplicas":3,)"
                    R"("metrics":[{"type":"Resource","pods":{}}]})")),
      "spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`\n"
      "spec.scaleTargetRef.name: Required value\n"
      "spec.metrics[0].pods: Forbidden: must populate the given metric source only\n"
      "spec.metrics[0].resource: Required value: must populate information for the given metric source");
}

}  // namespace
}  // namespace gantry::kube::rules
