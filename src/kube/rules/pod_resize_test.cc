// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/test_pods.h"

namespace gantry::kube::rules {
namespace {

// A pod that runs, with a sidecar and what ends before it.
json::Tree running(const std::string& resources, const std::string& sidecar = "",
                   const std::string& init = "", const std::string& more = "") {
  const auto part = [](const std::string& list) { return list.empty() ? "" : R"("resources":)" + list; };
  const std::string sidecar_fields =
      R"("restartPolicy":"Always")" + (sidecar.empty() ? "" : "," + part(sidecar));
  return object(spec_of(part(resources), R"("initContainers":[)" + other_container("first", part(init)) +
                                             "," + other_container("beside", sidecar_fields) + "]" + more) +
                R"(,"status":{"qosClass":"Burstable"})");
}

std::string resize(const json::Tree& before, json::Tree asked) {
  prepare({pods(), "resize", &before}, asked);
  std::string text;
  for (const Cause& cause : validate({pods(), "resize", &before}, asked))
    text.append(text.empty() ? "" : "\n").append(cause.field).append(": ").append(cause.message);
  return text;
}

constexpr const char* kOneCore = R"({"requests":{"cpu":"1"}})";

TEST(PodResize, GivesMoreOrLess) {
  const json::Tree before = running(kOneCore);
  EXPECT_EQ(resize(before, running(R"({"requests":{"cpu":"2"}})")), "");
  EXPECT_EQ(resize(before, running(R"({"requests":{"cpu":"1"},"limits":{"cpu":"2"}})")), "");
  EXPECT_EQ(resize(before, running(kOneCore, R"({"limits":{"memory":"1Gi"},"requests":{"memory":"1Gi"}})")),
            "");
}

TEST(PodResize, TakesNothingAwayAndChangesNothingElse) {
  const json::Tree before = running(kOneCore);
  EXPECT_EQ(resize(before, running(R"({"requests":{"memory":"1Gi"}})")),
            "spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed");
  EXPECT_EQ(resize(before, running(R"({"requests":{"cpu":"1","ephemeral-storage":"1Gi"}})")),
            "spec: Forbidden: only cpu and memory resources are mutable");
  EXPECT_EQ(
      resize(before, running(kOneCore, R"({"requests":{"ephemeral-storage":"1Gi"}})")),
      "spec.initContainers[1]: Forbidden: only cpu and memory resources for init or sidecar containers are "
      "mutable");
  EXPECT_EQ(resize(before, running(kOneCore, "", kOneCore)),
            "spec: Forbidden: resources for non-sidecar init containers are immutable");
  EXPECT_EQ(resize(before, running(R"({})")),
            "spec: Invalid value: \"Burstable\": Pod QOS Class may not change as a result of resizing\n"
            "spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed");
}

TEST(PodResize, IsOfTheContainersThatThereAre) {
  const json::Tree before = running(kOneCore);
  const auto asked = [](std::string containers) {
    return tree(
        R"({"metadata":{"name":"web","namespace":"default","resourceVersion":"1"},"spec":{"containers":[)" +
        containers + "]}}");
  };
  const std::string web = other_container("web", R"("resources":{"requests":{"cpu":"1"}})");
  EXPECT_TRUE(resize(before, asked(web + "," + other_container("more")))
                  .ends_with("spec.containers: Forbidden: containers may not be added or removed on resize\n"
                             "spec.initContainers: Forbidden: initContainers may not be added or removed on "
                             "resize"));
  EXPECT_NE(
      resize(before, asked(other_container("db", R"("resources":{"requests":{"cpu":"1"}})")))
          .find("spec.containers[0].name: Forbidden: containers may not be renamed or reordered on resize"),
      std::string::npos);
}

TEST(PodResize, IsForbiddenWhereNobodyCouldDoIt) {
  const json::Tree windows = running(kOneCore, "", "", R"(,"os":{"name":"windows"})");
  EXPECT_EQ(resize(windows, windows), ": Forbidden: windows pods cannot be resized");
  json::Tree old = running(kOneCore);
  old.object()["status"].object()["containerStatuses"] = tree(R"([{"name":"web","state":{"running":{}}}])");
  EXPECT_EQ(resize(old, old), "spec: Forbidden: Pod running on node without support for resize");
}

TEST(PodResize, ChangesWhatThePodHasAsAWhole) {
  const auto whole = [](const std::string& resources) {
    return running("", "", "", R"(,"resources":)" + resources);
  };
  const json::Tree before = whole(R"({"requests":{"cpu":"1"}})");
  EXPECT_EQ(resize(before, whole(R"({"requests":{"cpu":"2"}})")), "");
  EXPECT_EQ(resize(before, whole(R"({"requests":{"memory":"1Gi"}})")),
            "spec.resources.requests: Forbidden: pod-level resource requests cannot be removed");
  EXPECT_EQ(
      resize(before,
             whole(R"({"requests":{"cpu":"1","hugepages-2Mi":"2Mi"},"limits":{"hugepages-2Mi":"2Mi"}})")),
      "spec: Forbidden: only cpu and memory resources are mutable at pod-level");
}

}  // namespace
}  // namespace gantry::kube::rules
