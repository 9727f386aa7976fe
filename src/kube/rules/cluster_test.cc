// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/test_objects.h"

namespace gantry::kube::rules {
namespace {

TEST(Node, TaintsAreToldApart) {
  const Resource nodes = resource("", "Node", false);
  EXPECT_EQ(
      faults(
          nodes,
          object(
              R"("spec":{"taints":[{"key":"a","effect":"NoSchedule"},{"key":"a","effect":"NoSchedule"},{"key":"b","effect":"Never"}]})",
              "")),
      "metadata.taints[1]: Duplicate value: {\"effect\":\"NoSchedule\",\"key\":\"a\"}: taints must be unique "
      "by "
      "key and "
      "effect pair\n"
      "metadata.taints[2].effect: Unsupported value: \"Never\": supported values: \"NoSchedule\", "
      "\"PreferNoSchedule\", \"NoExecute\"");
  const json::Tree before = object(R"("spec":{"podCIDRs":["10.0.0.0/24"],"providerID":"a"})", "");
  EXPECT_EQ(faults(nodes, object(R"("spec":{"podCIDRs":["10.0.1.0/24"],"providerID":"b"})", ""), &before),
            "spec.podCIDRs: Forbidden: node updates may not change podCIDR except from \"\" to valid\n"
            "spec.providerID: Forbidden: node updates may not change providerID except from \"\" to valid");
}

TEST(Lease, LastsForSomeTime) {
  EXPECT_EQ(faults(resource("coordination.k8s.io", "Lease"),
                   object(R"("spec":{"leaseDurationSeconds":0,"leaseTransitions":-1})")),
            "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0\n"
            "spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0");
}

TEST(Lease, IsGivenAsItsStrategySays) {
  const auto lease = [](const std::string& spec) {
    return faults(resource("coordination.k8s.io", "Lease"), object(R"("spec":{)" + spec + "}"));
  };
  EXPECT_EQ(lease(R"("strategy":"OldestEmulationVersion","preferredHolder":"a")"), "");
  EXPECT_EQ(lease(R"("strategy":"example.com/own")"), "");
  EXPECT_EQ(lease(R"("preferredHolder":"a")"),
            "spec.preferredHolder: Forbidden: may only be specified if `strategy` is defined");
  EXPECT_EQ(
      lease(R"("strategy":"Own")"),
      "spec.strategy.strategy: Unsupported value: \"Own\": supported values: \"OldestEmulationVersion\"");
}

TEST(RuntimeClass, SaysWhatItsPodsNeedMore) {
  const auto runtime = [](const std::string& fields) {
    return faults(resource("node.k8s.io", "RuntimeClass", false),
                  object(R"("handler":"kata",)" + fields, ""));
  };
  EXPECT_EQ(runtime(R"("overhead":{"podFixed":{"cpu":"250m"}},"scheduling":{"nodeSelector":{"vm":"true"}})"),
            "");
  EXPECT_EQ(runtime(R"("overhead":{"podFixed":{"cpu":"-1"}})"),
            "overhead.limits[cpu]: Invalid value: \"-1\": must be greater than or equal to 0");
  EXPECT_TRUE(
      runtime(
          R"("scheduling":{"tolerations":[{"key":"a","operator":"Exists"},{"key":"a","operator":"Exists"}]})")
          .starts_with("scheduling.tolerations[1]: Duplicate value:"));
}

TEST(PriorityClass, OfTheSystemAreKnown) {
  const Resource classes = resource("scheduling.k8s.io", "PriorityClass", false);
  json::Tree known = object(R"("value":2000000000)", "");
  known.object()["metadata"].object()["name"] = "system-cluster-critical";
  EXPECT_EQ(faults(classes, known), "");
  known.object()["value"] = 5;
  EXPECT_EQ(faults(classes, known),
            "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system "
            "use only. "
            "error: value of system-cluster-critical PriorityClass must be 2000000000");
}

TEST(PriorityClass, KeepsItsValue) {
  const Resource classes = resource("scheduling.k8s.io", "PriorityClass", false);
  const json::Tree before = object(R"("value":5)", "");
  EXPECT_EQ(faults(classes, object(R"("value":6)", ""), &before),
            "value: Forbidden: may not be changed in an update.");
  EXPECT_EQ(faults(classes, object(R"("value":2000000000)", "")),
            "value: Forbidden: maximum allowed value of a user defined priority is 1000000000");
}

TEST(Event, IsWhereItsObjectIs) {
  EXPECT_EQ(faults(resource("", "Event"), object(R"("involvedObject":{"namespace":"other"})")),
            "involvedObject.namespace: Invalid value: \"other\": does not match event.namespace");
  EXPECT_EQ(faults(resource("events.k8s.io", "Event"), object(R"("regarding":{"namespace":"default"})")), "");
}

}  // namespace
}  // namespace gantry::kube::rules
