// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/test_pods.h"

namespace gantry::kube::rules {
namespace {

constexpr const char* kClaims = R"("resourceClaims":[{"name":"gpus","resourceClaimName":"mine"}])";

std::string with_claims(const std::string& claims) {
  return wrong(R"("resources":{"claims":[)" + claims + "]}", kClaims);
}

TEST(PodResources, ClaimsHaveOneSource) {
  const auto claims = [](const std::string& list) {
    return wrong_spec(R"("resourceClaims":[)" + list + "]");
  };
  EXPECT_EQ(claims(R"({"name":"a","resourceClaimTemplateName":"t"},{"name":"b","resourceClaimName":"c"})"),
            "");
  EXPECT_EQ(
      claims(R"({"name":"a"})"),
      "spec.resourceClaims[0]: Invalid value: {\"name\":\"a\"}: must specify one of: `resourceClaimName`, "
      "`resourceClaimTemplateName`");
  EXPECT_TRUE(
      claims(R"({"name":"a","resourceClaimName":"c","resourceClaimTemplateName":"t"})")
          .ends_with("at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"));
  EXPECT_EQ(
      claims(
          R"({"name":"a","resourceClaimName":"c"},{"name":"a","resourceClaimName":"c"},{"resourceClaimName":"c"})"),
      "spec.resourceClaims[1].name: Duplicate value: \"a\"\n"
      "spec.resourceClaims[2].name: Required value");
}

TEST(PodResources, ContainersUseClaimsOfTheirPod) {
  const std::string at = "spec.containers[0].resources.claims";
  EXPECT_EQ(with_claims(R"({"name":"gpus","request":"a"},{"name":"gpus","request":"b"})"), "");
  EXPECT_EQ(with_claims(R"({"name":"gpus"},{"name":"gpus"})"), at + "[1]: Duplicate value: \"gpus\"");
  EXPECT_EQ(with_claims(R"({"name":"gpus","request":"a"},{"name":"gpus","request":"a"})"),
            at + "[1]: Duplicate value: \"gpus/a\"");
  EXPECT_EQ(with_claims(R"({"name":"gpus","request":"a"},{"name":"gpus"})"),
            at + "[1]: Duplicate value: \"gpus\"");
  EXPECT_EQ(with_claims(R"({"name":"other"})"),
            at + "[0]: Not found: \"other\": must be one of the names in pod.spec.resourceClaims: gpus");
  EXPECT_EQ(
      wrong(R"("resources":{"claims":[{"name":"gpus"}]})"),
      at + "[0]: Not found: \"gpus\": must be one of the names in pod.spec.resourceClaims which is empty");
}

TEST(PodResources, HugePagesAreWhole) {
  const auto pages = [](const std::string& amount) {
    return wrong(R"("resources":{"limits":{"hugepages-2Mi":")" + amount +
                 R"(","cpu":"1"},"requests":{"hugepages-2Mi":")" + amount + R"("}})");
  };
  EXPECT_EQ(pages("4Mi"), "");
  EXPECT_TRUE(
      pages("3Mi").starts_with("spec.containers[0].resources.limits[hugepages-2Mi]: Invalid value: \"3Mi\": "
                               "3Mi is not positive integer multiple of hugepages-2Mi"));
  EXPECT_EQ(wrong(R"("resources":{"limits":{"hugepages-2Mi":"2Mi"},"requests":{"hugepages-2Mi":"2Mi"}})"),
            "spec.containers[0].resources: Forbidden: HugePages require cpu or memory");
}

TEST(PodResources, OfThePodAreEnoughForItsContainers) {
  EXPECT_EQ(wrong(R"("resources":{"requests":{"cpu":"1"}})", R"("resources":{"requests":{"cpu":"1"}})"), "");
  EXPECT_EQ(wrong(R"("resources":{"requests":{"cpu":"2"}})", R"("resources":{"requests":{"cpu":"1"}})"),
            "spec.resources.requests[cpu]: Invalid value: \"1\": must be greater than or equal to aggregate "
            "container "
            "requests of 2");
  EXPECT_EQ(wrong(R"("resources":{"limits":{"cpu":"2"}})", R"("resources":{"limits":{"cpu":"1"}})"),
            "spec.resources.containers[0][cpu].limits: Invalid value: \"2\": must be less than or equal to "
            "pod limits "
            "of 1");
  EXPECT_TRUE(wrong_spec(R"("resources":{"requests":{"ephemeral-storage":"1Gi"}})")
                  .starts_with(
                      "spec.resources.requests[ephemeral-storage]: Unsupported value: \"ephemeral-storage\": "
                      "supported values: \"cpu\", \"hugepages-\", \"memory\""));
}

TEST(PodResources, ResizesAreSaidOnce) {
  const std::string at = "spec.containers[0].resizePolicy";
  EXPECT_EQ(wrong(R"("resizePolicy":[{"resourceName":"cpu","restartPolicy":"NotRequired"}])"), "");
  EXPECT_EQ(wrong(R"("resizePolicy":[{"resourceName":"disk","restartPolicy":"Later"}])"),
            at + ": Unsupported value: \"disk\": supported values: \"cpu\", \"memory\"\n" + at +
                ": Unsupported value: \"Later\": supported values: \"NotRequired\", \"RestartContainer\"");
  std::string never =
      spec_of(R"("resizePolicy":[{"resourceName":"cpu","restartPolicy":"RestartContainer"}])");
  never.replace(never.rfind("Always"), std::string_view("Always").size(), "Never");
  EXPECT_EQ(
      faults(pods(), object(never)),
      at +
          ": Invalid value: \"RestartContainer\": must be 'NotRequired' when pod `restartPolicy` is 'Never'");
}

}  // namespace
}  // namespace gantry::kube::rules
