// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/test_pods.h"

namespace gantry::kube::rules {
namespace {

std::string with_init(const std::string& more) {
  return wrong_spec(R"("initContainers":[)" + other_container("first", more) + "]");
}

TEST(Containers, ThatEndByThemselvesAreNotWatched) {
  constexpr const char* kProbe =
      R"("livenessProbe":{"exec":{"command":["true"]}},"resizePolicy":[{"resourceName":"cpu","restartPolicy":"RestartContainer"}])";
  EXPECT_EQ(with_init(std::string(R"("restartPolicy":"Always",)") + kProbe), "");
  EXPECT_EQ(with_init(kProbe),
            "spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without "
            "restartPolicy=Always\n"
            "spec.initContainers[0].resizePolicy[0].restartPolicy: Invalid value: \"RestartContainer\": must "
            "not be "
            "set to 'RestartContainer' for non-sidecar initContainers");
}

TEST(Containers, RestartAsTheirRulesSay) {
  constexpr const char* kRule = R"({"action":"Restart","exitCodes":{"operator":"In","values":[1]}})";
  EXPECT_EQ(wrong(R"("restartPolicy":"Never","restartPolicyRules":[)" + std::string(kRule) + "]"), "");
  EXPECT_EQ(
      wrong(R"("restartPolicyRules":[{"action":"Wait"},{"action":"Restart","exitCodes":{"operator":"Is"}}])"),
      "spec.containers[0].restartPolicy: Required value: must specify restartPolicy when restart rules are "
      "used\n"
      "spec.containers[0].restartPolicyRules[0].action: Unsupported value: \"Wait\": supported values: "
      "\"Restart\", \"RestartAllContainers\"\n"
      "spec.containers[0].restartPolicyRules[0].exitCodes: Required value: must be specified\n"
      "spec.containers[0].restartPolicyRules[1].exitCodes.operator: Unsupported value: \"Is\": supported "
      "values: \"In\", \"NotIn\"");
  std::string many = kRule;
  for (int i = 0; i < 20; ++i) many += "," + std::string(kRule);
  EXPECT_EQ(wrong(R"("restartPolicy":"Never","restartPolicyRules":[)" + many + "]"),
            "spec.containers[0].restartPolicyRules: Too many: 21: must have at most 20 items");
}

TEST(Containers, ForALookAreLittle) {
  EXPECT_EQ(wrong_spec(R"("ephemeralContainers":[)" +
                       other_container("look", R"("targetContainerName":"db")") + "]"),
            "spec.ephemeralContainers[0].targetContainerName: Not found: \"db\"\n"
            "spec.ephemeralContainers: Forbidden: cannot be set on create");
  const std::string found = wrong(
      R"("volumeMounts":[{"name":"v","mountPath":"/v"}])",
      R"("volumes":[{"name":"v","emptyDir":{}}],"ephemeralContainers":[)" +
          other_container(
              "look",
              R"("resources":{"limits":{"cpu":"1"}},"restartPolicy":"Always","volumeMounts":[{"name":"v","mountPath":"/v","subPath":"a"}])") +
          "]");
  for (const char* field : {"resources", "restartPolicy", "volumeMounts[0].subPath"})
    EXPECT_NE(found.find(std::string("spec.ephemeralContainers[0].") + field +
                         ": Forbidden: cannot be set for an Ephemeral Container"),
              std::string::npos)
        << found;
}

TEST(Containers, OfTheHostsNetworkHaveTheHostsPorts) {
  constexpr const char* kPorts = R"("ports":[{"containerPort":80,"hostPort":8080,"protocol":"TCP"}])";
  EXPECT_EQ(wrong(kPorts), "");
  EXPECT_EQ(wrong(kPorts, R"("hostNetwork":true)"),
            "spec.containers[0].ports[0].hostPort: Invalid value: 8080: must match `containerPort` when "
            "`hostNetwork` is true");
}

TEST(Containers, StopBySignalsOfTheirSystem) {
  const auto with_signal = [](const std::string& signal, const std::string& spec) {
    return wrong(R"("lifecycle":{"stopSignal":")" + signal + "\"}", spec);
  };
  EXPECT_EQ(with_signal("SIGUSR1", R"("os":{"name":"linux"})"), "");
  EXPECT_EQ(with_signal("SIGUSR1", R"("os":{"name":"windows"})"),
            "spec.containers[0].lifecycle.stopSignal: Unsupported value: \"SIGUSR1\": supported values: "
            "\"SIGKILL\", "
            "\"SIGTERM\"");
  EXPECT_EQ(with_signal("SIGTERM", ""),
            "spec.containers[0].lifecycle.stopSignal: Forbidden: may not be set for containers with empty "
            "`spec.os.name`");
}

TEST(Containers, ReadVariablesFromFilesThatOthersWrite) {
  const auto from_file = [](const std::string& volume, const std::string& path) {
    return wrong(R"("env":[{"name":"A","valueFrom":{"fileKeyRef":{"key":"A","volumeName":"v","path":")" +
                     path + R"("}}}])",
                 R"("volumes":[{"name":"v",)" + volume + "}]");
  };
  const std::string at = "spec.containers[0].env[0].valueFrom.fileKeyRef";
  EXPECT_EQ(from_file(R"("emptyDir":{})", "a/b"), "");
  EXPECT_EQ(from_file(R"("hostPath":{"path":"/v"})", "a"),
            at + ".volumeName: Invalid value: \"v\": referenced volume must be of type emptyDir");
  EXPECT_EQ(from_file(R"("emptyDir":{})", "../a"),
            at + ".path: Invalid value: \"../a\": must not contain '..'");
}

TEST(Containers, AreToldFieldsOfTheirPod) {
  const auto told = [](const std::string& reference) {
    return wrong(R"("env":[{"name":"A","valueFrom":{)" + reference + "}}]");
  };
  const std::string at = "spec.containers[0].env[0].valueFrom.";
  for (const char* fine : {R"("fieldRef":{"apiVersion":"v1","fieldPath":"status.podIP"})",
                           R"("fieldRef":{"apiVersion":"v1","fieldPath":"metadata.labels['app']"})",
                           R"("resourceFieldRef":{"resource":"limits.cpu","divisor":"1m"})"})
    EXPECT_EQ(told(fine), "") << fine;
  EXPECT_TRUE(
      told(R"("fieldRef":{"apiVersion":"v1","fieldPath":"spec.restartPolicy"})")
          .starts_with(at +
                       "fieldRef.fieldPath: Unsupported value: \"spec.restartPolicy\": supported values:"));
  EXPECT_TRUE(told(R"("resourceFieldRef":{"resource":"limits.disk"})")
                  .starts_with(at + "resourceFieldRef.resource: Unsupported value: \"limits.disk\""));
}

}  // namespace
}  // namespace gantry::kube::rules
