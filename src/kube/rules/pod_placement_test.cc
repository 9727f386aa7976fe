// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/test_pods.h"

namespace gantry::kube::rules {
namespace {

const std::string kRequired = "requiredDuringSchedulingIgnoredDuringExecution";

std::string with_term(const std::string& term) {
  return wrong_spec(R"("affinity":{"nodeAffinity":{")" + kRequired + R"(":{"nodeSelectorTerms":[)" + term +
                    "]}}}");
}

TEST(Placement, NodesAreChosenByLabelsAndByTheirName) {
  const std::string at = "spec.affinity.nodeAffinity." + kRequired + ".nodeSelectorTerms";
  EXPECT_EQ(with_term(R"({"matchFields":[{"key":"metadata.name","operator":"In","values":["n"]}]})"), "");
  EXPECT_EQ(with_term(""), at + ": Required value: must have at least one node selector term");
  EXPECT_EQ(
      with_term(R"({"matchFields":[{"key":"metadata.name","operator":"In","values":["n","m"]}]})"),
      at + "[0].matchFields[0].values: Required value: must be only one value when `operator` is 'In' or "
           "'NotIn' for node field selector");
  EXPECT_EQ(with_term(R"({"matchFields":[{"key":"spec.name","operator":"Exists"}]})"),
            at + "[0].matchFields[0].operator: Invalid value: \"Exists\": not a valid selector operator\n" +
                at + "[0].matchFields[0].key: Invalid value: \"spec.name\": not a valid field selector key");
  EXPECT_TRUE(with_term(R"({"matchExpressions":[{"key":"a","operator":"In","values":["-"]}]})")
                  .starts_with(at + "[0].matchExpressions[0].values[0]: Invalid value: \"-\""));
}

TEST(Placement, PodsAreComparedByTheirOwnLabels) {
  const auto with_pods = [](const std::string& term) {
    return wrong_spec(R"("affinity":{"podAffinity":{")" + kRequired + R"(":[{"topologyKey":"zone",)" + term +
                      "}]}}");
  };
  const std::string at = "spec.affinity.podAffinity." + kRequired + "[0].";
  EXPECT_EQ(with_pods(R"("labelSelector":{},"matchLabelKeys":["a"],"mismatchLabelKeys":["b"])"), "");
  EXPECT_EQ(with_pods(R"("matchLabelKeys":["a"])"),
            at + "matchLabelKeys: Forbidden: must not be specified when labelSelector is not set");
  EXPECT_EQ(
      with_pods(R"("labelSelector":{},"matchLabelKeys":["a"],"mismatchLabelKeys":["a"])"),
      at + "matchLabelKeys[0]: Invalid value: \"a\": exists in both matchLabelKeys and mismatchLabelKeys");
}

TEST(Placement, PodsAreSpreadInOneWayOverEachTopology) {
  constexpr const char* kZones = R"("maxSkew":1,"topologyKey":"zone")";
  const auto spread = [](const std::string& constraints) {
    return wrong_spec(R"("topologySpreadConstraints":[)" + constraints + "]");
  };
  const std::string good = std::string("{") + kZones + R"(,"whenUnsatisfiable":"DoNotSchedule"})";
  EXPECT_EQ(spread(good), "");
  EXPECT_EQ(spread(good + "," + good),
            "spec.topologySpreadConstraints[0].{topologyKey, whenUnsatisfiable}: Duplicate value: \"{zone, "
            "DoNotSchedule}\"");
  EXPECT_EQ(
      spread(
          R"({"maxSkew":0,"whenUnsatisfiable":"ScheduleAnyway","minDomains":1,"nodeTaintsPolicy":"Some"})"),
      "spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero\n"
      "spec.topologySpreadConstraints[0].topologyKey: Required value: can not be empty\n"
      "spec.topologySpreadConstraints[0].minDomains: Invalid value: 1: can only use minDomains if "
      "whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway\n"
      "spec.topologySpreadConstraints[0].nodeTaintsPolicy: Unsupported value: \"Some\": supported values: "
      "\"Honor\", \"Ignore\"");
}

TEST(Placement, WhatKeepsOthersAwayIsTolerated) {
  const auto tolerate = [](const std::string& toleration) {
    return wrong_spec(R"("tolerations":[{)" + toleration + "}]");
  };
  EXPECT_EQ(
      tolerate(R"("key":"a","operator":"Equal","value":"b","effect":"NoExecute","tolerationSeconds":1)"), "");
  EXPECT_EQ(
      tolerate(R"("key":"a","operator":"Exists","value":"b")"),
      "spec.tolerations[0].operator: Invalid value: \"b\": value must be empty when `operator` is 'Exists'");
  EXPECT_EQ(
      tolerate(R"("key":"a","operator":"Gt","value":"1")"),
      "spec.tolerations[0].operator: Unsupported value: \"Gt\": supported values: \"Equal\", \"Exists\", "
      "\"Lt\", \"Gt\"");
  EXPECT_EQ(tolerate(R"("key":"a","operator":"Exists","effect":"Never")"),
            "spec.tolerations[0].effect: Unsupported value: \"Never\": supported values: \"NoSchedule\", "
            "\"PreferNoSchedule\", \"NoExecute\"");
}

TEST(Placement, GatesAreToldApart) {
  EXPECT_EQ(wrong_spec(R"("schedulingGates":[{"name":"a"},{"name":"a"}])"),
            "spec.schedulingGates[1]: Duplicate value: \"a\"");
  EXPECT_EQ(wrong_spec(R"("readinessGates":[{"conditionType":"a"},{"conditionType":"a"}])"), "");
}

}  // namespace
}  // namespace gantry::kube::rules
