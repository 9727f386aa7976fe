// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/test_objects.h"

namespace gantry::kube::rules {
namespace {

TEST(PodDisruptionBudget, SaysOneOfTwo) {
  EXPECT_TRUE(faults(resource("policy", "PodDisruptionBudget"),
                     object(R"("spec":{"minAvailable":1,"maxUnavailable":"x"})"))
                  .find("minAvailable and maxUnavailable cannot be both set\nspec.maxUnavailable: Invalid "
                        "value: \"x\": a valid "
                        "percent string") != std::string::npos);
}

TEST(PodDisruptionBudget, IsOfThePodsThatThereAre) {
  EXPECT_EQ(faults(resource("policy", "PodDisruptionBudget"), object(R"("spec":{"minAvailable":"100%"})")),
            "");
  EXPECT_EQ(faults(resource("policy", "PodDisruptionBudget"), object(R"("spec":{"maxUnavailable":"101%"})")),
            "spec.maxUnavailable: Invalid value: \"101%\": must not be greater than 100%");
}

}  // namespace
}  // namespace gantry::kube::rules
