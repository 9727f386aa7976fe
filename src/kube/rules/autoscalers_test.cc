// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/test_objects.h"

namespace gantry::kube::rules {
namespace {

// What is wrong with an autoscaler of that kind.
std::string scaled(const std::string& spec) {
  return faults(
      resource("autoscaling", "HorizontalPodAutoscaler"),
      object(R"("spec":{"scaleTargetRef":{"kind":"Deployment","name":"web"},"maxReplicas":3,)" + spec + "}"));
}
std::string by_metric(const std::string& metric) { return scaled(R"("metrics":[{)" + metric + "}]"); }

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
      "spec.metrics[0].pods.metric.name: Required value: must specify a metric name\n"
      "spec.metrics[0].pods.target.type: Required value: must specify a metric target type\n"
      "spec.metrics[0].pods.target.type: Invalid value: \"\": must be either Utilization, Value, or "
      "AverageValue\n"
      "spec.metrics[0].pods.target.averageValue: Required value: must specify a positive target "
      "averageValue\n"
      "spec.metrics[0].pods: Forbidden: must populate the given metric source only\n"
      "spec.metrics[0].resource: Required value: must populate information for the given metric source");
}

TEST(HorizontalPodAutoscaler, AimsAtWhatItsMetricHas) {
  const std::string at = "spec.metrics[0].";
  EXPECT_EQ(
      by_metric(
          R"("type":"External","external":{"metric":{"name":"m"},"target":{"type":"Value","value":"1","averageValue":"1"}})"),
      at + "external.target.value: Forbidden: may not set both a target value for metric and a per-pod "
           "target");
  EXPECT_EQ(
      by_metric(
          R"("type":"Object","object":{"describedObject":{"kind":"Ingress","name":"a"},"metric":{"name":"m"},"target":{"type":"Value"}})"),
      at + "object.target.averageValue: Required value: must set either a target value or averageValue");
  EXPECT_EQ(
      by_metric(R"("type":"Resource","resource":{"target":{"type":"Utilization","averageUtilization":0}})"),
      at + "resource.name: Required value: must specify a resource name\n" + at +
          "resource.target.averageUtilization: Invalid value: 0: must be greater than 0");
  EXPECT_EQ(
      by_metric(
          R"("type":"ContainerResource","containerResource":{"name":"cpu","target":{"type":"AverageValue","averageValue":"1"}})"),
      at + "containerResource.container: Required value: must specify a container");
  EXPECT_EQ(
      by_metric(R"("type":"")"),
      at + "type: Required value: must specify a metric source type\n" + at +
          "type: Unsupported value: \"\": supported values: \"ContainerResource\", \"External\", \"Object\", "
          "\"Pods\", \"Resource\"");
}

TEST(HorizontalPodAutoscaler, ScalesInSteps) {
  const auto up = [](const std::string& rules) {
    return scaled(R"("behavior":{"scaleUp":{)" + rules + "}}");
  };
  constexpr const char* kPolicies = R"("policies":[{"type":"Pods","value":1,"periodSeconds":1800}])";
  EXPECT_EQ(up(std::string(R"("stabilizationWindowSeconds":3600,"tolerance":"0.1",)") + kPolicies), "");
  EXPECT_EQ(up(std::string(R"("stabilizationWindowSeconds":3601,)") + kPolicies),
            "spec.behavior.scaleUp.stabilizationWindowSeconds: Invalid value: 3601: must be less than or "
            "equal to 3600");
  EXPECT_EQ(up(R"("selectPolicy":"Max")"),
            "spec.behavior.scaleUp.policies: Required value: must specify at least one Policy");
  EXPECT_EQ(
      up(R"("policies":[{"type":"Some","value":0,"periodSeconds":1801}])"),
      "spec.behavior.scaleUp.policies[0].type: Unsupported value: \"Some\": supported values: \"Percent\", "
      "\"Pods\"\n"
      "spec.behavior.scaleUp.policies[0].value: Invalid value: 0: must be greater than zero\n"
      "spec.behavior.scaleUp.policies[0].periodSeconds: Invalid value: 1801: must be less than or equal to "
      "1800");
}

}  // namespace
}  // namespace gantry::kube::rules
