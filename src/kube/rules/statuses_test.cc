// SPDX-License-Identifier: Apache-2.0
//
// What an update of a status may say, kind by kind, and what it leaves alone.
#include <algorithm>

#include <fmt/format.h>

#include "kube/rules/kind_rules.h"
#include "kube/rules/test_objects.h"
#include "kube/schema/catalog.h"

namespace gantry::kube::rules {
namespace {

struct Wrong {
  const char* group;
  const char* kind;
  const char* before;
  const char* now;
  const char* message;
};

constexpr Wrong kWrong[] = {
    {"", "ReplicationController", "",
     R"("status":{"replicas":1,"fullyLabeledReplicas":2,"readyReplicas":2,"availableReplicas":3})",
     "status.fullyLabeledReplicas: Invalid value: 2: cannot be greater than status.replicas\n"
     "status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas\n"
     "status.availableReplicas: Invalid value: 3: cannot be greater than status.replicas\n"
     "status.availableReplicas: Invalid value: 3: cannot be greater than readyReplicas"},
    {"apps", "ReplicaSet", "", R"("status":{"replicas":-1,"observedGeneration":-1})",
     "status.replicas: Invalid value: -1: must be greater than or equal to 0\n"
     "status.observedGeneration: Invalid value: -1: must be greater than or equal to 0\n"
     "status.fullyLabeledReplicas: Invalid value: 0: cannot be greater than status.replicas\n"
     "status.readyReplicas: Invalid value: 0: cannot be greater than status.replicas\n"
     "status.availableReplicas: Invalid value: 0: cannot be greater than status.replicas"},
    {"apps", "Deployment", R"("status":{"collisionCount":2})",
     R"("status":{"replicas":1,"updatedReplicas":2,"collisionCount":1})",
     "status.updatedReplicas: Invalid value: 2: cannot be greater than status.replicas\n"
     "status.collisionCount: Invalid value: 1: cannot be decremented"},
    {"apps", "DaemonSet", R"("status":{"collisionCount":1})", R"("status":{"numberReady":-1})",
     "status.numberReady: Invalid value: -1: must be greater than or equal to 0\n"
     "status.collisionCount: Invalid value: 0: cannot be decremented"},
    {"apps", "StatefulSet", "",
     R"("status":{"replicas":1,"readyReplicas":0,"currentReplicas":2,"availableReplicas":1})",
     "status.currentReplicas: Invalid value: 2: cannot be greater than status.replicas\n"
     "status.availableReplicas: Invalid value: 1: cannot be greater than status.readyReplicas"},
    {"autoscaling", "HorizontalPodAutoscaler", "", R"("status":{"currentReplicas":-1,"desiredReplicas":-2})",
     "status.currentReplicas: Invalid value: -1: must be greater than or equal to 0\n"
     "status.desiredReplicas: Invalid value: -2: must be greater than or equal to 0"},
    {"policy", "PodDisruptionBudget", "",
     R"("status":{"disruptionsAllowed":-1,"conditions":[{"type":"A","status":"True","lastTransitionTime":"2026-01-01T00:00:00Z","reason":"R"},{"type":"A","status":"True","lastTransitionTime":"2026-01-01T00:00:00Z"}]})",
     "status.conditions[1].type: Duplicate value: \"A\"\n"
     "status.conditions[1].reason: Required value\n"
     "status.disruptionsAllowed: Invalid value: -1: must be greater than or equal to 0"},
    {"", "Service", R"("spec":{"type":"ClusterIP"})",
     R"("spec":{"type":"ClusterIP"},"status":{"loadBalancer":{"ingress":[{"ip":"1.2.3.4"}]}})",
     "status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'"},
    {"", "Service", "",
     R"("spec":{"type":"LoadBalancer"},"status":{"loadBalancer":{"ingress":[{"ip":"1.2.3"},{"hostname":"1.2.3.4","ipMode":"VIP"},{"ip":"1.2.3.4","ipMode":"Magic"}]}})",
     "status.loadBalancer.ingress[0].ip: Invalid value: \"1.2.3\": must be a valid IP address, (e.g. "
     "10.9.8.7 or "
     "2001:db8::ffff)\n"
     "status.loadBalancer.ingress[0].ipMode: Required value: must be specified when `ip` is set\n"
     "status.loadBalancer.ingress[1].ipMode: Forbidden: may not be specified when `ip` is not set\n"
     "status.loadBalancer.ingress[1].hostname: Invalid value: \"1.2.3.4\": must be a DNS name, not an IP "
     "address\n"
     "status.loadBalancer.ingress[2].ipMode: Unsupported value: \"Magic\": supported values: \"Proxy\", "
     "\"VIP\""},
    {"networking.k8s.io", "Ingress", "", R"("status":{"loadBalancer":{"ingress":[{"hostname":"1.2.3.4"}]}})",
     "status.loadBalancer.ingress[0].hostname: Invalid value: \"1.2.3.4\": must be a DNS name, not an IP "
     "address"},
    {"", "ResourceQuota", "", R"("status":{"hard":{"pods":"1.5"},"used":{"pods":"-1","foo":"1"}})",
     "status.hard[pods]: Invalid value: \"1.5\": must be an integer\n"
     "status.used[foo]: Invalid value: \"foo\": must be a standard resource type or fully qualified\n"
     "status.used[foo]: Invalid value: \"foo\": must be a standard resource for quota\n"
     "status.used[pods]: Invalid value: \"-1\": must be greater than or equal to 0"},
    {"", "PersistentVolumeClaim", "",
     R"("status":{"capacity":{"storage":"-1"},"allocatedResourceStatuses":{"storage":"Growing"},"allocatedResources":{"cpu":"1"}})",
     "status.capacity[storage]: Invalid value: \"-1\": must be a valid resource quantity\n"
     "status.allocatedResourceStatuses: Unsupported value: \"storage\": supported values: "
     "\"ControllerResizeInProgress\", \"ControllerResizeInfeasible\", \"NodeResizeInProgress\", "
     "\"NodeResizeInfeasible\", \"NodeResizePending\"\n"
     "status.allocatedResources: Unsupported value: \"cpu\": supported values: \"storage\""},
    {"", "Namespace", "", R"("status":{"phase":"Terminating"})",
     "status.Phase: Invalid value: \"Terminating\": may only be 'Active' if `deletionTimestamp` is empty"},
    {"", "Node", "",
     R"("status":{"capacity":{"pods":"1.5","cpu":"-1"},"addresses":[{"type":"InternalIP","address":"1.2.3.4"},{"type":"InternalIP","address":"1.2.3.4"}],"declaredFeatures":["B","A","x"],"config":{"active":{}}})",
     "status.capacity.cpu: Invalid value: \"-1\": must be greater than or equal to 0\n"
     "status.capacity.pods: Invalid value: \"1.5\": must be an integer\n"
     "status.declaredFeatures[1]: Invalid value: \"A\": list must be sorted alphabetically\n"
     "status.declaredFeatures[2]: Invalid value: \"x\": invalid feature name \"x\": must start with an "
     "UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or "
     "MyFeature/mySubFeature), and contain only alphanumeric characters and slashes\n"
     "status.addresses[1]: Duplicate value: {\"address\":\"1.2.3.4\",\"type\":\"InternalIP\"}\n"
     "status.config.active: Invalid value: {}: exactly one reference subfield must be non-nil"},
    {"apiextensions.k8s.io", "CustomResourceDefinition", "",
     R"("status":{"acceptedNames":{"plural":"As","kind":"A","listKind":"A"}})",
     "status.acceptedNames.plural: Invalid value: \"As\": a DNS-1035 label must consist of lower case "
     "alphanumeric "
     "characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. "
     "'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')\n"
     "status.acceptedNames.listKind: Invalid value: \"A\": kind and listKind may not be the same"},
    {"apiregistration.k8s.io", "APIService", "",
     R"("status":{"conditions":[{"type":"Available","status":"Yes"}]})",
     "status.conditions[0].status: Unsupported value: \"Yes\": supported values: \"True\", \"False\", "
     "\"Unknown\""},
    {"flowcontrol.apiserver.k8s.io", "FlowSchema", "",
     R"("status":{"conditions":[{"type":"A"},{"type":"A"},{}]})",
     "status.conditions[1].type: Duplicate value: \"A\"\n"
     "status.conditions[2].type: Required value: must not be empty"},
    {"flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration", "", R"("status":{"conditions":[{}]})",
     "status.conditions[0].type: Required value: must not be empty"},
};

std::string wrong(const Wrong& one) {
  const Resource kind = resource(one.group, one.kind);
  return status_faults(kind, object(one.now), object(one.before));
}

TEST(Statuses, AreWhatTheyCanBe) {
  for (const Wrong& one : kWrong) EXPECT_EQ(wrong(one), one.message) << one.kind << " " << one.now;
}

// ---- Pods

#define POD(policy)                                                   \
  R"("spec":{"nodeName":"n","restartPolicy":")" policy                \
  R"(","containers":[{"name":"a"},{"name":"b","restartPolicyRules":)" \
  R"([{"action":"Restart","exitCodes":{"operator":"In","values":[42]}}]}],"initContainers":[{"name":"i"}]},)"

std::string pod_faults(const std::string& spec, const std::string& before, const std::string& now) {
  const Resource pods = resource("", "Pod");
  return status_faults(pods, object(spec + R"("status":{)" + now + "}"),
                       object(spec + R"("status":{)" + before + "}"));
}
std::string ended(const char* name, int code) {
  return fmt::format(R"({{"name":"{}","state":{{"terminated":{{"exitCode":{}}}}}}})", name, code);
}
std::string runs(const char* name) {
  return fmt::format(R"({{"name":"{}","state":{{"running":{{}}}}}})", name);
}

TEST(PodStatus, WhatHasEndedIsNotStartedAgain) {
  const std::string list = R"("containerStatuses":[)";
  const auto again = [&](const char* spec, const char* name, int code) {
    return pod_faults(spec, list + ended(name, code) + "]", list + runs(name) + "]");
  };
  constexpr const char* kRefused =
      "status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state";
  EXPECT_EQ(again(POD("Always"), "a", 0), "");
  EXPECT_EQ(again(POD("OnFailure"), "a", 1), "");
  EXPECT_EQ(again(POD("OnFailure"), "a", 0), kRefused);
  EXPECT_EQ(again(POD("Never"), "a", 1), kRefused);
  EXPECT_EQ(again(POD("Never"), "b", 42), "");
  EXPECT_EQ(again(POD("Never"), "b", 1), kRefused);
}

TEST(PodStatus, ItsClassNeedNotBeRepeated) {
  const Resource pods = resource("", "Pod");
  const json::Tree before = object(R"("spec":{},"status":{"qosClass":"Burstable"})");
  json::Tree now = object(R"("spec":{},"status":{"phase":"Running"})");
  prepare({pods, "status", &before}, now);
  EXPECT_EQ(now.text_at("status", "qosClass"), "Burstable");
  EXPECT_EQ(status_faults(pods, now, before), "");
}

TEST(NodeStatus, IsSaidByWhoComes) {
  const Resource nodes = resource("", "Node", false);
  json::Tree node = object(R"("status":{"capacity":{"cpu":"2"}})", "");
  prepare({nodes, "", nullptr}, node);
  EXPECT_NE(node.find("status", "capacity"), nullptr);
  EXPECT_EQ(faults(nodes, node), "");
  EXPECT_EQ(faults(nodes, object(R"("status":{"capacity":{"pods":"1.5"}})", "")),
            "status.capacity.pods: Invalid value: \"1.5\": must be an integer");
}

TEST(PodStatus, KeepsItsClassAndTellsOfItsAddresses) {
  EXPECT_EQ(
      pod_faults(
          POD("Always"), R"("qosClass":"Burstable")",
          R"("qosClass":"BestEffort","observedGeneration":-1,"nominatedNodeName":"other",)"
          R"("hostIP":"10.0.0.1","hostIPs":[{"ip":"10.0.0.2"}],"podIPs":[{"ip":"10.1.0.1"},{"ip":"10.1.0.1"}])"),
      "status.nominatedNodeName: Forbidden: may not be set on pods that are already bound to a node\n"
      "status.observedGeneration: Invalid value: -1: must be a non-negative integer\n"
      "status.qosClass: Invalid value: \"BestEffort\": field is immutable\n"
      "status.podIPs: Invalid value: [{\"ip\":\"10.1.0.1\"},{\"ip\":\"10.1.0.1\"}]: may specify no more than "
      "one "
      "IP for each IP family\n"
      "status.podIPs[1]: Duplicate value: {\"ip\":\"10.1.0.1\"}\n"
      "status.hostIPs[0].ip: Invalid value: \"10.0.0.2\": must be equal to `hostIP`");
}

TEST(PodStatus, ContainersHaveWhatTheyAskFor) {
  EXPECT_EQ(
      pod_faults(
          POD("Always"), "",
          R"("containerStatuses":[{"name":"a","user":{"linux":{"uid":-1,"gid":0}},"allocatedResourcesStatus":[{"name":"example.com/gpu",)"
          R"("resources":[{"resourceID":"1","health":"Fine"},{"resourceID":"1","health":"Healthy"}]}]}],)"
          R"("ephemeralContainerStatuses":[{"name":"e","allocatedResourcesStatus":[{"name":"x"}]}],"resourceClaimStatuses":[{"name":"c"}])"),
      "status.resourceClaimStatuses[0].name: Invalid value: \"c\": must match the name of an entry in "
      "`spec.resourceClaims`\n"
      "status.containerStatuses[0].user.linux.uid: Invalid value: -1: must be between 0 and 2147483647, "
      "inclusive\n"
      "status.containerStatuses[0].allocatedResourcesStatus[0].name: Invalid value: \"example.com/gpu\": "
      "must "
      "match one of the container's resource requests\n"
      "status.containerStatuses[0].allocatedResourcesStatus[0].resources[0].health: Unsupported value: "
      "\"Fine\": "
      "supported values: \"Healthy\", \"Unhealthy\", \"Unknown\"\n"
      "status.containerStatuses[0].allocatedResourcesStatus[0].resources[1].resourceID: Duplicate value: "
      "\"1\"\n"
      "status.ephemeralContainerStatuses[0].allocatedResourcesStatus: Forbidden: must not be specified in "
      "container status");
}

// ---- Jobs

std::string job_faults(const std::string& spec, const std::string& before, const std::string& now) {
  const Resource jobs = resource("batch", "Job");
  const std::string start = R"("spec":{)" + spec + R"(},"status":{)";
  return status_faults(jobs, object(start + now + "}"), object(start + before + "}"));
}
std::string is(const char* type) { return fmt::format(R"({{"type":"{}","status":"True"}})", type); }

#define START R"("startTime":"2026-01-01T00:00:00Z")"

TEST(JobStatus, AnEndHasItsReasonsAndItsTime) {
  const std::string complete = R"("conditions":[)" + is("SuccessCriteriaMet") + "," + is("Complete") + "]";
  EXPECT_EQ(job_faults("", START, START R"(,"completionTime":"2026-01-01T01:00:00Z",)" + complete), "");
  EXPECT_EQ(
      job_faults("", "",
                 R"("conditions":[)" + is("Complete") +
                     R"(],"active":1,"terminating":1,"uncountedTerminatedPods":{"failed":["a","a",""]})"),
      "status.uncountedTerminatedPods.failed[1]: Duplicate value: \"a\"\n"
      "status.uncountedTerminatedPods.failed[2]: Invalid value: \"\": must not be empty\n"
      "status.completionTime: Required value: completionTime is required for Complete jobs\n"
      "status.conditions: Invalid value: cannot set Complete=True condition without the "
      "SuccessCriteriaMet=true "
      "condition\n"
      "status.active: Invalid value: 1: active>0 is invalid for finished job\n"
      "status.startTime: Required value: startTime is required for finished job\n"
      "status.uncountedTerminatedPods: Invalid value: {\"failed\":[\"a\",\"a\",\"\"]}: must be empty for "
      "finished "
      "job\n"
      "status.terminating: Invalid value: 1: terminating>0 is invalid for finished job");
  EXPECT_EQ(
      job_faults("", START,
                 START R"(,"completionTime":"2025-01-01T00:00:00Z","conditions":[)" + is("Failed") + "]"),
      "status.completionTime: Invalid value: \"2025-01-01T00:00:00Z\": cannot set completionTime when there "
      "is no "
      "Complete=True condition\n"
      "status.completionTime: Invalid value: \"2025-01-01T00:00:00Z\": must be equal to or after "
      "`startTime`\n"
      "status.conditions: Invalid value: cannot set Failed=True condition without the FailureTarget=true "
      "condition");
}

TEST(JobStatus, WhatHasHappenedStays) {
  const std::string failed = R"("conditions":[)" + is("FailureTarget") + "," + is("Failed") + "]";
  EXPECT_EQ(job_faults("", START R"(,"failed":2,"succeeded":2,)" + failed, R"("failed":1,"succeeded":1)"),
            "status.conditions: Invalid value: cannot disable the terminal Failed=True condition\n"
            "status.conditions: Invalid value: cannot disable the terminal FailureTarget=True condition\n"
            "status.failed: Invalid value: 1: cannot decrease the failed counter\n"
            "status.succeeded: Invalid value: 1: cannot decrease the succeeded counter\n"
            "status.startTime: Required value: startTime cannot be removed for unsuspended job");
  EXPECT_EQ(job_faults("", "", R"("active":1,"ready":2)"),
            "status.ready: Invalid value: 2: cannot set more ready pods than active");
}

TEST(JobStatus, IndexesAreOnesOfTheJob) {
  constexpr const char* kIndexed = R"("completionMode":"Indexed","completions":5,"backoffLimitPerIndex":1)";
  EXPECT_EQ(job_faults(kIndexed, "", R"("completedIndexes":"0-2,4","failedIndexes":"3")"), "");
  const auto completed = [&](const std::string& indexes) {
    return job_faults(kIndexed, "", R"("completedIndexes":")" + indexes + "\"");
  };
  const auto unreadable = [](const std::string& indexes, const std::string& why) {
    return "status.completedIndexes: Invalid value: \"" + indexes +
           "\": error parsing completedIndexes: " + why;
  };
  EXPECT_EQ(completed("5"), unreadable("5", "too large index: \"5\""));
  EXPECT_EQ(completed("a"), unreadable("a", "cannot convert string to integer for index: \"a\""));
  EXPECT_EQ(completed("3,1"), unreadable("3,1", "non-increasing order, previous: 3, current: 1"));
  EXPECT_EQ(completed("1-2-3"),
            unreadable(
                "1-2-3",
                "the fragment \"1-2-3\" violates the requirement that an index interval can have at most two "
                "parts separated by '-'"));
  EXPECT_EQ(
      job_faults(kIndexed, "", R"("completedIndexes":"0-2","failedIndexes":"2-3")"),
      "status.failedIndexes: Invalid value: \"2-3\": failedIndexes and completedIndexes overlap at index: 2");
  EXPECT_EQ(
      job_faults("", "", R"("completedIndexes":"0","failedIndexes":"1")"),
      "status.completedIndexes: Invalid value: \"0\": cannot set non-empty completedIndexes when non-indexed "
      "completion mode\n"
      "status.failedIndexes: Invalid value: \"1\": cannot set non-null failedIndexes when "
      "backoffLimitPerIndex is "
      "null");
}

// ---- All kinds

// By a status nothing else changes, and by anything else no status.
TEST(Statuses, AreWrittenByThemselves) {
  for (const Resource& resource : Catalog::built_in().resources()) {
    if (resource.find_subresource("status") == nullptr) continue;
    const json::Tree before = object(R"("spec":{"a":1},"status":{"b":1})");
    json::Tree status = object(R"("spec":{"a":2},"status":{"b":2})");
    prepare({resource, "status", &before}, status);
    EXPECT_EQ(status.find("spec", "a")->as_int64(), 1) << resource.kind.kind;
    EXPECT_EQ(status.find("status", "b")->as_int64(), 2) << resource.kind.kind;
    json::Tree whole = object(R"("spec":{"a":2},"status":{"b":2})");
    prepare({resource, "", &before}, whole);
    const bool is_asked_once = resource.kind.kind == "CertificateSigningRequest";
    EXPECT_EQ(whole.find("spec", "a")->as_int64(), is_asked_once ? 1 : 2) << resource.kind.kind;
    EXPECT_EQ(whole.find("status", "b")->as_int64(), 1) << resource.kind.kind;
  }
}

// Kubernetes asks nothing of the statuses of these but what metadata has to be.
TEST(Statuses, HaveRulesWhereKubernetesHasSome) {
  constexpr std::string_view kFree[] = {"CronJob", "PersistentVolume", "ServiceCIDR"};
  for (const Resource& resource : Catalog::built_in().resources()) {
    if (resource.find_subresource("status") == nullptr) continue;
    const bool is_free = std::ranges::find(kFree, resource.kind.kind) != std::end(kFree);
    const KindRules* rules = find_rules(resource.kind.group, resource.kind.kind);
    EXPECT_EQ(rules->check_status == nullptr, is_free) << resource.kind.kind;
  }
}

}  // namespace
}  // namespace gantry::kube::rules
