// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/test_objects.h"

namespace gantry::kube::rules {
namespace {

const char* kTemplate =
    R"("template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"web","image":"i",)"
    R"("imagePullPolicy":"Always","terminationMessagePolicy":"File"}],"restartPolicy":"Always","dnsPolicy":"ClusterFirst"}})";

json::Tree with_spec(const std::string& spec) { return object(R"("spec":{)" + spec + "," + kTemplate + "}"); }

TEST(Deployment, ItsTemplateIsWhatItSelects) {
  const Resource deployments = resource("apps", "Deployment");
  const std::string rolling =
      R"("strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":"25%","maxUnavailable":"25%"}})";
  EXPECT_EQ(faults(deployments, with_spec(R"("selector":{"matchLabels":{"app":"web"}},)" + rolling)), "");
  EXPECT_EQ(
      faults(deployments, with_spec(R"("replicas":-1,"selector":{"matchLabels":{"app":"db"}},)" + rolling)),
      "spec.replicas: Invalid value: -1: must be greater than or equal to 0\n"
      "spec.template.metadata.labels: Invalid value: {\"app\":\"web\"}: `selector` does not match template "
      "`labels`");
  EXPECT_EQ(faults(deployments,
                   with_spec(R"("selector":{},"progressDeadlineSeconds":5,"minReadySeconds":5,)" + rolling)),
            "spec.selector: Invalid value: {}: empty selector is invalid for deployment\n"
            "spec.progressDeadlineSeconds: Invalid value: 5: must be greater than minReadySeconds");
  EXPECT_EQ(
      faults(
          deployments,
          with_spec(
              R"("selector":{"matchLabels":{"app":"web"}},"strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":0,"maxUnavailable":"0%"}})")),
      "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: \"0%\": may not be 0 when `maxSurge` is 0");
  const json::Tree before = with_spec(R"("selector":{"matchLabels":{"app":"web"}},)" + rolling);
  EXPECT_EQ(
      faults(deployments, with_spec(R"("selector":{"matchLabels":{"app":"web","a":"b"}},)" + rolling),
             &before),
      "spec.template.metadata.labels: Invalid value: {\"app\":\"web\"}: `selector` does not match template "
      "`labels`\n"
      "spec.selector: Invalid value: {\"matchLabels\":{\"a\":\"b\",\"app\":\"web\"}}: field is immutable");
}

TEST(StatefulSet, MostOfItStays) {
  const Resource sets = resource("apps", "StatefulSet");
  const auto set = [](std::string more) {
    return with_spec(
        R"("selector":{"matchLabels":{"app":"web"}},"podManagementPolicy":"OrderedReady","updateStrategy":{"type":"RollingUpdate"})" +
        more);
  };
  const json::Tree before = set(R"(,"serviceName":"a","replicas":1)");
  EXPECT_EQ(faults(sets, set(R"(,"serviceName":"a","replicas":2)"), &before), "");
  EXPECT_TRUE(
      faults(sets, set(R"(,"serviceName":"b","replicas":1)"), &before)
          .starts_with("spec: Forbidden: updates to statefulset spec for fields other than 'replicas'"));
}

TEST(StatefulSet, ItsPodsMountItsClaims) {
  const Resource sets = resource("apps", "StatefulSet");
  const auto set = [](const std::string& more, const std::string& pod) {
    return object(R"("spec":{"selector":{"matchLabels":{"app":"web"}},)" + more +
                  R"(,"template":{"metadata":{"labels":{"app":"web"}},"spec":{"restartPolicy":"Always",)" +
                  pod + "}}}");
  };
  const std::string usual = R"("podManagementPolicy":"Parallel","updateStrategy":{"type":"OnDelete"})";
  constexpr const char* kMounts =
      R"("containers":[{"name":"web","image":"i","volumeMounts":[{"name":"data","mountPath":"/data"}]}])";
  EXPECT_EQ(faults(sets, set(usual + R"(,"volumeClaimTemplates":[{"metadata":{"name":"data"}}])", kMounts)),
            "");
  EXPECT_EQ(
      faults(sets,
             set(R"("podManagementPolicy":"Some","ordinals":{"start":-1},"updateStrategy":{"type":"Never"})",
                 R"("activeDeadlineSeconds":1)")),
      "spec.podManagementPolicy: Invalid value: \"Some\": must be 'OrderedReady' or 'Parallel'\n"
      "spec.updateStrategy: Invalid value: {\"type\":\"Never\"}: must be 'RollingUpdate' or 'OnDelete'\n"
      "spec.ordinals.start: Invalid value: -1: must be greater than or equal to 0\n"
      "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in StatefulSet is not "
      "Supported");
}

TEST(StatefulSet, ItsNameIsPartOfItsPodsHosts) {
  const Resource sets = resource("apps", "StatefulSet");
  json::Tree set = object(
      R"("spec":{"selector":{"matchLabels":{"app":"web"}},"podManagementPolicy":"Parallel","updateStrategy":{"type":"OnDelete"},)" +
      std::string(kTemplate) + "}");
  set.object()["metadata"].object()["name"] = "a.b";
  EXPECT_EQ(faults(sets, set), "metadata.name: Invalid value: \"a.b\": must not contain dots");
  EXPECT_EQ(faults(sets, set, &set), "");
}

TEST(DaemonSet, UpdatesSomeAtATime) {
  const Resource sets = resource("apps", "DaemonSet");
  EXPECT_EQ(
      faults(
          sets,
          with_spec(
              R"("selector":{"matchLabels":{"app":"web"}},"updateStrategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":1,"maxUnavailable":1}})")),
      "spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is "
      "non-zero");
}

TEST(ReplicationController, SelectsByLabels) {
  const Resource controllers = resource("", "ReplicationController");
  EXPECT_EQ(faults(controllers, with_spec(R"("selector":{"app":"web"},"replicas":1)")), "");
  EXPECT_EQ(faults(controllers, object(R"("spec":{"replicas":1})")),
            "spec.selector: Required value\nspec.template: Required value");
}

}  // namespace
}  // namespace gantry::kube::rules
