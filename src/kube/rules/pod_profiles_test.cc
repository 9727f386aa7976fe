// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/test_pods.h"

namespace gantry::kube::rules {
namespace {

std::string with_profile(const std::string& kind, const std::string& profile) {
  return wrong_spec(R"("securityContext":{")" + kind + "\":{" + profile + "}}");
}

json::Tree annotated(const std::string& annotations, const std::string& container = "",
                     const std::string& spec = "") {
  return tree(R"({"metadata":{"name":"web","namespace":"default","resourceVersion":"1","annotations":{)" +
              annotations + "}}," + spec_of(container, spec) + "}");
}

TEST(PodProfiles, ALocalSeccompProfileIsAPathAndOthersHaveNone) {
  const std::string at = "spec.securityContext.seccompProfile";
  EXPECT_EQ(with_profile("seccompProfile", R"("type":"RuntimeDefault")"), "");
  EXPECT_EQ(with_profile("seccompProfile", R"("type":"Localhost","localhostProfile":"a/b.json")"), "");
  EXPECT_EQ(with_profile("seccompProfile", R"("type":"Localhost","localhostProfile":"../b")"),
            at + ".localhostProfile: Invalid value: \"../b\": must not contain '..'");
  EXPECT_EQ(with_profile("seccompProfile", R"("type":"Localhost")"),
            at + ".localhostProfile: Required value: must be set when seccomp type is Localhost");
  EXPECT_EQ(
      with_profile("seccompProfile", R"("type":"Unconfined","localhostProfile":"a")"),
      at + ".localhostProfile: Invalid value: {\"localhostProfile\":\"a\",\"type\":\"Unconfined\"}: can only "
           "be set when seccomp type is Localhost");
  EXPECT_EQ(with_profile("seccompProfile", ""),
            at + ".type: Required value: type is required when seccompProfile is set");
  EXPECT_EQ(with_profile("seccompProfile", R"("type":"Some")"),
            at + ".type: Unsupported value: \"Some\": supported values: \"Localhost\", \"RuntimeDefault\", "
                 "\"Unconfined\"");
}

TEST(PodProfiles, ALocalAppArmorProfileIsANameAndOthersHaveNone) {
  const std::string at = "spec.securityContext.appArmorProfile";
  EXPECT_EQ(with_profile("appArmorProfile", R"("type":"Localhost","localhostProfile":"mine")"), "");
  EXPECT_EQ(with_profile("appArmorProfile", R"("type":"Localhost","localhostProfile":" ")"),
            at + ".localhostProfile: Required value: must be set when AppArmor type is Localhost");
  EXPECT_EQ(with_profile("appArmorProfile", R"("type":"Localhost","localhostProfile":"mine ")"),
            at + ".localhostProfile: Invalid value: \"mine \": must not be padded with whitespace");
  EXPECT_EQ(with_profile("appArmorProfile",
                         R"("type":"Localhost","localhostProfile":")" + std::string(4096, 'x') + "\""),
            at + ".localhostProfile: Too long: may not be more than 4095 bytes");
  EXPECT_EQ(
      with_profile("appArmorProfile", R"("type":"RuntimeDefault","localhostProfile":"mine")"),
      at + ".localhostProfile: Invalid value: \"mine\": can only be set when AppArmor type is Localhost");
}

TEST(PodProfiles, AnnotationsNameProfiles) {
  EXPECT_EQ(faults(pods(), annotated(R"("seccomp.security.alpha.kubernetes.io/pod":"docker/default")")), "");
  EXPECT_EQ(
      faults(pods(), annotated(R"("seccomp.security.alpha.kubernetes.io/pod":"some")")),
      "metadata.annotations.seccomp.security.alpha.kubernetes.io/pod: Invalid value: \"some\": must be a "
      "valid seccomp profile");
  EXPECT_EQ(
      faults(pods(), annotated(R"("container.seccomp.security.alpha.kubernetes.io/web":"localhost/../a")")),
      "metadata.annotations.container.seccomp.security.alpha.kubernetes.io/web: Invalid value: \"../a\": "
      "must not contain '..'");
  EXPECT_EQ(
      faults(pods(), annotated(R"("container.apparmor.security.beta.kubernetes.io/db":"some")")),
      "metadata.annotations[container.apparmor.security.beta.kubernetes.io/db]: Invalid value: \"db\": "
      "container not found\n"
      "metadata.annotations[container.apparmor.security.beta.kubernetes.io/db]: Invalid value: \"some\": "
      "invalid AppArmor profile name: \"some\"");
}

TEST(PodProfiles, AnnotationsAndFieldsSayTheSame) {
  const auto both = [](const std::string& annotation, const std::string& profile) {
    return faults(pods(),
                  annotated(R"("container.seccomp.security.alpha.kubernetes.io/web":")" + annotation + "\"",
                            R"("securityContext":{"seccompProfile":{)" + profile + "}}"));
  };
  const std::string at = "spec.containers[0].securityContext.seccompProfile";
  EXPECT_EQ(both("docker/default", R"("type":"RuntimeDefault")"), "");
  EXPECT_EQ(both("localhost/a", R"("type":"Localhost","localhostProfile":"a")"), "");
  EXPECT_EQ(both("unconfined", R"("type":"RuntimeDefault")"),
            at + ".type: Forbidden: seccomp type in annotation and field must match");
  EXPECT_EQ(both("localhost/b", R"("type":"Localhost","localhostProfile":"a")"),
            at + ".localhostProfile: Forbidden: seccomp profile in annotation and field must match");
  // The pod's profile is the container's.
  EXPECT_EQ(
      faults(pods(), annotated(R"("container.apparmor.security.beta.kubernetes.io/web":"unconfined")", "",
                               R"("securityContext":{"appArmorProfile":{"type":"RuntimeDefault"}})")),
      "spec.containers[0].securityContext.appArmorProfile.type: Forbidden: apparmor type in annotation and "
      "field must match");
}

TEST(PodProfiles, AnnotationsStay) {
  const json::Tree plain = annotated("");
  const json::Tree marked = annotated(
      R"("container.apparmor.security.beta.kubernetes.io/web":"unconfined","kubernetes.io/config.mirror":"a")",
      "", R"("nodeName":"n")");
  const json::Tree on_node = annotated("", "", R"("nodeName":"n")");
  EXPECT_EQ(faults(pods(), marked, &marked), "");
  EXPECT_EQ(
      faults(pods(), on_node, &marked),
      "metadata.annotations[container.apparmor.security.beta.kubernetes.io/web]: Forbidden: may not remove "
      "or "
      "update AppArmor annotations\n"
      "metadata.annotations[kubernetes.io/config.mirror]: Forbidden: may not remove or update mirror pod "
      "annotation");
  EXPECT_EQ(
      faults(pods(), marked, &on_node),
      "metadata.annotations[container.apparmor.security.beta.kubernetes.io/web]: Forbidden: may not add "
      "AppArmor annotations\n"
      "metadata.annotations[kubernetes.io/config.mirror]: Forbidden: may not add mirror pod annotation");
  EXPECT_EQ(
      faults(pods(), annotated(R"("kubernetes.io/config.mirror":"a")")),
      "metadata.annotations[kubernetes.io/config.mirror]: Invalid value: \"a\": must set spec.nodeName if "
      "mirror pod annotation is set");
  EXPECT_EQ(faults(pods(), annotated(R"("controller.kubernetes.io/pod-deletion-cost":"+1")")),
            "metadata.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid value: \"+1\": must "
            "be a 32bit "
            "integer");
}

}  // namespace
}  // namespace gantry::kube::rules
