// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/test_pods.h"

namespace gantry::kube::rules {
namespace {

TEST(Pod, NeedsContainers) {
  EXPECT_EQ(wrong(""), "");
  EXPECT_EQ(faults(pods(), object(R"("spec":{"restartPolicy":"Sometimes","dnsPolicy":"ClusterFirst"})")),
            "spec.containers: Required value\n"
            "spec.restartPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", "
            "\"OnFailure\", \"Never\"");
  EXPECT_EQ(
      faults(pods(), object(R"("spec":{"containers":[{}],"restartPolicy":"Always","dnsPolicy":"Default"})")),
      "spec.containers[0].name: Required value\n"
      "spec.containers[0].image: Required value\n"
      "spec.containers[0].terminationMessagePolicy: Required value\n"
      "spec.containers[0].imagePullPolicy: Required value");
}

TEST(Pod, ContainersAreToldApartByTheirNames) {
  EXPECT_EQ(
      wrong(
          "",
          R"("initContainers":[{"name":"web","image":"i","imagePullPolicy":"Always","terminationMessagePolicy":"File"}])"),
      "spec.initContainers[0].name: Duplicate value: \"web\"");
  EXPECT_TRUE(wrong(R"("image":" i")")
                  .ends_with("image: Invalid value: \" i\": must not have leading or trailing whitespace"));
}

TEST(Pod, PortsAreInRangeAndTakenOnce) {
  EXPECT_EQ(
      wrong(
          R"("ports":[{"containerPort":80,"protocol":"TCP"},{"containerPort":70000,"protocol":"ICMP"},{"protocol":"TCP"}])"),
      "spec.containers[0].ports[1].containerPort: Invalid value: 70000: must be between 1 and 65535, "
      "inclusive\n"
      "spec.containers[0].ports[1].protocol: Unsupported value: \"ICMP\": supported values: \"SCTP\", "
      "\"TCP\", \"UDP\"\n"
      "spec.containers[0].ports[2].containerPort: Required value");
  EXPECT_EQ(
      wrong(
          R"("ports":[{"name":"a","containerPort":80,"hostPort":80,"protocol":"TCP"},{"name":"a","containerPort":81,"hostPort":80,"protocol":"TCP"}])"),
      "spec.containers[0].ports[1].name: Duplicate value: \"a\"\n"
      "spec.containers[0].ports[1].hostPort: Duplicate value: \"TCP//80\"");
}

TEST(Pod, EnvironmentComesFromOnePlaceEach) {
  EXPECT_EQ(
      wrong(
          R"("env":[{"name":"A","value":"x"},{"name":"A=B"},{"name":"C","value":"x","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}},{"name":"D","valueFrom":{}}])"),
      "spec.containers[0].env[1].name: Invalid value: \"A=B\": a valid environment variable name must "
      "consist only of "
      "printable ASCII characters other than '='\n"
      "spec.containers[0].env[2].valueFrom: Invalid value: \"\": may not be specified when `value` is not "
      "empty\n"
      "spec.containers[0].env[3].valueFrom: Invalid value: \"\": must specify one of: `fieldRef`, "
      "`resourceFieldRef`, "
      "`configMapKeyRef`, `secretKeyRef` or `fileKeyRef`");
}

TEST(Pod, MountsNameVolumes) {
  EXPECT_EQ(
      wrong(
          R"("volumeMounts":[{"name":"data","mountPath":"/d"},{"name":"other","mountPath":"/d","subPath":"../x"}])",
          R"("volumes":[{"name":"data","emptyDir":{}},{"name":"data","hostPath":{"path":"/a/../b"},"secret":{}},{"name":"n"}])"),
      "spec.volumes[1].hostPath.path: Invalid value: \"/a/../b\": must not contain '..'\n"
      "spec.volumes[1].secret: Forbidden: may not specify more than 1 volume type\n"
      "spec.volumes[1].name: Duplicate value: \"data\"\n"
      "spec.volumes[2]: Required value: must specify a volume type\n"
      "spec.containers[0].volumeMounts[1].name: Not found: \"other\"\n"
      "spec.containers[0].volumeMounts[1].mountPath: Invalid value: \"/d\": must be unique\n"
      "spec.containers[0].volumeMounts.subPath: Invalid value: \"../x\": must not contain '..'");
}

TEST(Pod, ResourcesAreWithinTheirLimits) {
  EXPECT_EQ(
      wrong(
          R"("resources":{"requests":{"cpu":"200m","memory":"1Gi"},"limits":{"cpu":"100m","memory":"1024Mi"}})"),
      "spec.containers[0].resources.requests: Invalid value: \"200m\": must be less than or equal to "
      "cpu limit of 100m");
  EXPECT_EQ(
      wrong(R"("resources":{"limits":{"cpu":"-1"}})"),
      "spec.containers[0].resources.limits[cpu]: Invalid value: \"-1\": must be greater than or equal to 0");
  EXPECT_EQ(wrong(R"("resources":{"requests":{"example.com/gpu":"1"},"limits":{"example.com/gpu":"2"}})"),
            "spec.containers[0].resources.requests: Invalid value: \"1\": must be equal to "
            "example.com/gpu "
            "limit of 2");
}

TEST(Pod, ProbesHaveOneHandler) {
  EXPECT_EQ(wrong(R"("livenessProbe":{"periodSeconds":-1,"successThreshold":2})"),
            "spec.containers[0].livenessProbe: Required value: must specify a handler type\n"
            "spec.containers[0].livenessProbe.periodSeconds: Invalid value: -1: must be greater than or "
            "equal to 0\n"
            "spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1");
  EXPECT_EQ(
      wrong(
          R"("readinessProbe":{"exec":{"command":["x"]},"httpGet":{"path":"/","port":80,"scheme":"HTTP"}})"),
      "spec.containers[0].readinessProbe.httpGet: Forbidden: may not specify more than 1 handler type");
}

TEST(Pod, TolerationsAndAffinityAreWellFormed) {
  EXPECT_EQ(
      wrong(
          "",
          R"("tolerations":[{"operator":"Exists"},{"operator":"Equal","value":"x"},{"key":"k","operator":"Like"}])"),
      "spec.tolerations[1].operator: Invalid value: \"Equal\": operator must be Exists when `key` is empty, "
      "which means "
      "\"match all values and all keys\"\n"
      "spec.tolerations[2].operator: Unsupported value: \"Like\": supported values: \"Equal\", \"Exists\"");
  EXPECT_EQ(
      wrong(
          "",
          R"("affinity":{"podAntiAffinity":{"preferredDuringSchedulingIgnoredDuringExecution":[{"weight":0,"podAffinityTerm":{"topologyKey":"zone"}}]}})"),
      "spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid "
      "value: 0: must be in the range 1-100");
  EXPECT_TRUE(
      wrong("", R"("affinity":{"podAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{}]}})")
          .starts_with(
              "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: "
              "Required value: can not be empty\n"));
}

TEST(Pod, OnlyAFewFieldsChange) {
  const json::Tree before =
      object(spec_of("", R"("tolerations":[{"key":"a","operator":"Exists"}],"activeDeadlineSeconds":10)"));
  const auto update = [&](std::string container, std::string spec) {
    return faults(pods(), object(spec_of(std::move(container), std::move(spec))), &before);
  };
  const char* kMore =
      R"("tolerations":[{"key":"a","operator":"Exists"},{"key":"b","operator":"Exists"}],"activeDeadlineSeconds":5)";
  EXPECT_EQ(update(R"("image":"other")", kMore), "");
  EXPECT_TRUE(update(R"("args":["x"])", kMore)
                  .starts_with("spec: Forbidden: pod updates may not change fields other than"));
  EXPECT_EQ(
      update("", R"("tolerations":[],"activeDeadlineSeconds":20)"),
      "spec.activeDeadlineSeconds: Invalid value: 20: must be less than or equal to previous value\n"
      "spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds");
}

TEST(Pod, EphemeralContainersStayAsTheyAre) {
  const auto pod = [](const std::string& containers) {
    return object(spec_of("", R"("ephemeralContainers":[)" + containers + "]"));
  };
  const json::Tree before = pod(other_container("debug"));
  const auto change = [&](const std::string& containers) {
    json::Tree asked = pod(containers);
    prepare({pods(), "ephemeralcontainers", &before}, asked);
    std::string text;
    for (const Cause& cause : validate({pods(), "ephemeralcontainers", &before}, asked))
      text += cause.field + ": " + cause.message;
    return text;
  };
  EXPECT_EQ(change(other_container("debug") + "," + other_container("more")), "");
  EXPECT_EQ(
      change(other_container("debug", R"("tty":true)")),
      "spec.ephemeralContainers: Forbidden: existing ephemeral containers \"debug\" may not be changed");
  EXPECT_EQ(
      change(""),
      "spec.ephemeralContainers: Forbidden: existing ephemeral containers \"debug\" may not be removed");
}

TEST(Pod, WhileItIsGatedOnlyFewerNodesFit) {
  const auto gated = [](const std::string& values, const std::string& more = "") {
    return object(spec_of(
        "",
        R"("schedulingGates":[{"name":"g"}],"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[)" +
            values + "]}]}}}" + more));
  };
  constexpr const char* kZone = R"({"key":"zone","operator":"In","values":["a"]})";
  const std::string disk = R"(,{"key":"disk","operator":"Exists"})";
  const json::Tree before = gated(kZone);
  EXPECT_EQ(faults(pods(), gated(kZone + disk), &before), "");
  EXPECT_EQ(faults(pods(), gated(kZone, R"(,"nodeSelector":{"a":"b"})"), &before), "");
  EXPECT_TRUE(
      faults(pods(), gated(disk.substr(1)), &before)
          .ends_with(".nodeSelectorTerms[0]: Invalid value: {\"matchExpressions\":[{\"key\":\"disk\","
                     "\"operator\":\"Exists\"}]}: only additions are allowed (no mutations or deletions)"));
}

TEST(Pod, TokensAreOfAnAccount) {
  constexpr const char* kToken =
      R"("volumes":[{"name":"t","projected":{"sources":[{"serviceAccountToken":{"path":"t","expirationSeconds":3600}}]}}])";
  EXPECT_EQ(wrong_spec(std::string(kToken) + R"(,"serviceAccountName":"a")"), "");
  EXPECT_EQ(wrong_spec(kToken),
            "spec.volumes[0].projected.sources[0].serviceAccountToken: Forbidden: must not be specified when "
            "serviceAccountName is not set");
}

TEST(Pod, IsPendingWithTheQualityThatItAsksFor) {
  const auto quality = [](std::string container) {
    json::Tree pod = object(spec_of(std::move(container)));
    prepare({pods(), "", nullptr}, pod);
    EXPECT_EQ(pod.text_at("status", "phase"), "Pending");
    return std::string(pod.text_at("status", "qosClass"));
  };
  EXPECT_EQ(quality(""), "BestEffort");
  EXPECT_EQ(quality(R"("resources":{"requests":{"cpu":"1"}})"), "Burstable");
  EXPECT_EQ(quality(R"("resources":{"limits":{"cpu":"1","memory":"1Gi"}})"), "Guaranteed");
}

}  // namespace
}  // namespace gantry::kube::rules
