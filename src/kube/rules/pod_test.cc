// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/test_objects.h"

namespace gantry::kube::rules {
namespace {

const Resource& pods() {
  static const Resource kResource = resource("", "Pod");
  return kResource;
}

// A pod with its defaults filled in; `container` and `spec` are further members, or others.
std::string spec_of(std::string container, std::string spec = "") {
  if (container.find("\"image\"") == std::string::npos) container += R"(,"image":"i")";
  if (!container.starts_with(',')) container.insert(0, ",");
  return R"("spec":{"containers":[{"name":"web","imagePullPolicy":"Always","terminationMessagePolicy":"File")" +
         container + R"(}],"restartPolicy":"Always","dnsPolicy":"ClusterFirst")" +
         (spec.empty() ? "" : "," + spec) + "}";
}
std::string wrong(std::string container, std::string spec = "") {
  return faults(pods(), object(spec_of(std::move(container), std::move(spec))));
}

TEST(Pod, NeedsContainers) {
  EXPECT_EQ(wrong(""), "");
  EXPECT_EQ(faults(pods(), object(R"("spec":{"restartPolicy":"Sometimes","dnsPolicy":"ClusterFirst"})")),
            "spec.containers: Required value\n"
            "spec.restartPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", \"Never\", "
            "\"OnFailure\"");
  EXPECT_EQ(
      faults(pods(), object(R"("spec":{"containers":[{}],"restartPolicy":"Always","dnsPolicy":"Default"})")),
      "spec.containers[0].name: Required value\n"
      "spec.containers[0].image: Required value\n"
      "spec.containers[0].imagePullPolicy: Required value\n"
      "spec.containers[0].terminationMessagePolicy: Required value");
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
      "`configMapKeyRef` or `secretKeyRef`");
}

TEST(Pod, MountsNameVolumes) {
  EXPECT_EQ(
      wrong(
          R"("volumeMounts":[{"name":"data","mountPath":"/d"},{"name":"other","mountPath":"/d","subPath":"../x"}])",
          R"("volumes":[{"name":"data","emptyDir":{}},{"name":"data","hostPath":{"path":"/a/../b"},"secret":{}},{"name":"n"}])"),
      "spec.volumes[1].name: Duplicate value: \"data\"\n"
      "spec.volumes[1].hostPath.path: Invalid value: \"/a/../b\": must not contain '..'\n"
      "spec.volumes[1].secret: Forbidden: may not specify more than 1 volume type\n"
      "spec.volumes[2]: Required value: must specify a volume type\n"
      "spec.containers[0].volumeMounts[1].name: Not found: \"other\"\n"
      "spec.containers[0].volumeMounts[1].mountPath: Invalid value: \"/d\": must be unique\n"
      "spec.containers[0].volumeMounts[1].subPath: Invalid value: \"../x\": must not contain '..'");
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
          R"("affinity":{"podAntiAffinity":{"preferredDuringSchedulingIgnoredDuringExecution":[{"weight":0,"podAffinityTerm":{}}]}})"),
      "spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid "
      "value: 0: must be "
      "in the range 1-100\n"
      "spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm."
      "topologyKey: "
      "Required value: can not be empty");
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

TEST(Pod, WhatSubresourcesMayChangeIsLittle) {
  const json::Tree before = object(spec_of(R"("resources":{"requests":{"cpu":"1"}})",
                                           R"("ephemeralContainers":[{"name":"debug","image":"a"}])"));
  const auto wrong_by = [&](const char* subresource, std::string container, std::string spec) {
    json::Tree asked = object(spec_of(std::move(container), std::move(spec)));
    prepare({pods(), subresource, &before}, asked);
    std::string text;
    for (const Cause& cause : validate({pods(), subresource, &before}, asked))
      if (cause.reason != "FieldValueRequired") text += cause.field + ": " + cause.message + "\n";
    return text;
  };
  EXPECT_EQ(
      wrong_by("ephemeralcontainers", "", R"("ephemeralContainers":[{"name":"debug","image":"b"}])"),
      "spec.ephemeralContainers: Forbidden: existing ephemeral containers \"debug\" may not be changed\n");
  EXPECT_EQ(wrong_by("resize", R"("resources":{"requests":{"cpu":"2"}})", ""), "");
  EXPECT_EQ(wrong_by("resize", R"("resources":{"requests":{"cpu":"1"},"limits":{"cpu":"2"}})", ""), "");
  EXPECT_EQ(wrong_by("resize",
                     R"("resources":{"requests":{"example.com/a":"2"},"limits":{"example.com/a":"2"}})", ""),
            "spec.containers[0].resources: Forbidden: only cpu and memory resources are mutable\n"
            "spec: Invalid value: \"BestEffort\": Pod QOS Class may not change as a result of resizing\n");
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
