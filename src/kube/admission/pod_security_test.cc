// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "kube/admission/plugins.h"
#include "kube/admission/pod_security_checks.h"
#include "kube/admission/test_request.h"
#include "kube/api/test_objects.h"

namespace gantry::kube::admission {
namespace {

using testing::TestObjects;

constexpr const char* kPod = R"({"metadata":{"name":"web"},"spec":{"containers":[{"name":"a"}]}})";

std::string violations(SecurityLevel level, const char* version, const char* spec,
                       const char* annotations = "{}") {
  const json::Tree pod = MUST(
      json::Tree::parse(fmt::format(R"({{"metadata":{{"annotations":{}}},"spec":{}}})", annotations, spec)));
  return fmt::format(
      "{}", fmt::join(security_violations(level, parse_standard_version(version).value(), pod), ", "));
}
std::string baseline(const char* spec, const char* version = "latest") {
  return violations(SecurityLevel::Baseline, version, spec);
}
std::string restricted(const char* spec, const char* version = "latest") {
  return violations(SecurityLevel::Restricted, version, spec);
}

TEST(PodSecurityChecks, of_the_baseline_name_everything_that_reaches_into_the_node) {
  EXPECT_EQ(baseline(R"({"containers":[{"name":"a"}]})"), "");
  EXPECT_EQ(baseline(R"({"hostNetwork":true,"hostPID":true})"),
            "host namespaces (hostNetwork=true, hostPID=true)");
  EXPECT_EQ(baseline(R"({"volumes":[{"name":"v","hostPath":{}}]})"), "hostPath volumes (volume \"v\")");
  EXPECT_EQ(baseline(R"({"containers":[{"name":"a","ports":[{"hostPort":80}]}]})"),
            "hostPort (container \"a\" uses hostPort 80)");
  EXPECT_EQ(baseline(R"({"containers":[{"name":"a","securityContext":{"privileged":true}},)"
                     R"({"name":"b","securityContext":{"privileged":true}}]})"),
            "privileged (containers \"a\", \"b\" must not set securityContext.privileged=true)");
  EXPECT_EQ(
      baseline(
          R"({"initContainers":[{"name":"a","securityContext":{"capabilities":{"add":["SYS_ADMIN"]}}}]})"),
      "non-default capabilities (container \"a\" must not include \"SYS_ADMIN\" in "
      "securityContext.capabilities.add)");
  EXPECT_EQ(baseline(R"({"securityContext":{"sysctls":[{"name":"kernel.msgmax"}]}})"),
            "forbidden sysctls (kernel.msgmax)");
  EXPECT_EQ(baseline(R"({"securityContext":{"seccompProfile":{"type":"Unconfined"}}})"),
            "seccompProfile (pod must not set securityContext.seccompProfile.type to \"Unconfined\")");
  EXPECT_EQ(
      baseline(
          R"({"containers":[{"name":"a","securityContext":{"seLinuxOptions":{"user":"u","type":"t"}}}]})"),
      "seLinuxOptions (container \"a\" set forbidden securityContext.seLinuxOptions: type \"t\"; "
      "user may not be set)");
}

TEST(PodSecurityChecks, of_the_restricted_level_want_to_be_told) {
  EXPECT_EQ(
      restricted(R"({"containers":[{"name":"a"}]})"),
      "allowPrivilegeEscalation != false (container \"a\" must set "
      "securityContext.allowPrivilegeEscalation=false), "
      "unrestricted capabilities (container \"a\" must set securityContext.capabilities.drop=[\"ALL\"]), "
      "runAsNonRoot != true (pod or container \"a\" must set securityContext.runAsNonRoot=true), "
      "seccompProfile (pod or container \"a\" must set securityContext.seccompProfile.type to "
      "\"RuntimeDefault\" or \"Localhost\")");
  EXPECT_EQ(
      restricted(R"({"securityContext":{"runAsNonRoot":true,"seccompProfile":{"type":"RuntimeDefault"}},)"
                 R"("containers":[{"name":"a","securityContext":{"allowPrivilegeEscalation":false,)"
                 R"("capabilities":{"drop":["ALL"],"add":["NET_BIND_SERVICE"]}}}],)"
                 R"("volumes":[{"name":"v","emptyDir":{}}]})"),
      "");
  EXPECT_EQ(restricted(R"({"securityContext":{"runAsUser":0},"volumes":[{"name":"v","nfs":{}}]})"),
            "restricted volume types (volume \"v\" uses restricted volume type \"nfs\"), "
            "runAsUser=0 (pod must not set runAsUser=0)");
}

TEST(PodSecurityChecks, of_a_version_that_is_pinned_stay_as_they_were) {
  const char* const probes_elsewhere =
      R"({"containers":[{"name":"a","livenessProbe":{"httpGet":{"host":"10.0.0.1"}}}]})";
  EXPECT_EQ(baseline(probes_elsewhere, "v1.33"), "");
  EXPECT_EQ(baseline(probes_elsewhere, "v1.34"),
            "probe or lifecycle host (container \"a\" uses probe or lifecycle host \"10.0.0.1\")");
  const char* const sysctl = R"({"securityContext":{"sysctls":[{"name":"net.ipv4.tcp_rmem"}]}})";
  EXPECT_EQ(baseline(sysctl, "v1.31"), "forbidden sysctls (net.ipv4.tcp_rmem)");
  EXPECT_EQ(baseline(sysctl, "v1.32"), "");
  const char* const unmasked =
      R"({"hostUsers":false,"containers":[{"name":"a","securityContext":{"procMount":"Unmasked"}}]})";
  EXPECT_EQ(baseline(unmasked, "v1.34"),
            "procMount (container \"a\" must not set securityContext.procMount to \"Unmasked\")");
  EXPECT_EQ(baseline(unmasked, "v1.99"), "");
  EXPECT_EQ(restricted(R"({"containers":[{"name":"a"}]})", "v1.7"),
            "runAsNonRoot != true (pod or container \"a\" must set securityContext.runAsNonRoot=true)");
}

TEST(PodSecurityChecks, see_annotations_from_before_there_were_fields) {
  EXPECT_EQ(violations(SecurityLevel::Baseline, "v1.18", "{}",
                       R"({"seccomp.security.alpha.kubernetes.io/pod":"unconfined"})"),
            "seccompProfile (forbidden annotation seccomp.security.alpha.kubernetes.io/pod=\"unconfined\")");
  EXPECT_EQ(violations(SecurityLevel::Baseline, "latest", "{}",
                       R"({"container.apparmor.security.beta.kubernetes.io/a":"unconfined"})"),
            "forbidden AppArmor profile (container.apparmor.security.beta.kubernetes.io/a=\"unconfined\")");
}

TEST(PodSecurityChecks, know_their_versions) {
  EXPECT_EQ(parse_standard_version("v1.25"), 25);
  for (const char* wrong : {"", "v1.", "v1.x", "v1.-3", "1.25", "v2.1"})
    EXPECT_EQ(parse_standard_version(wrong), std::nullopt) << wrong;
}

class PodSecurityTest : public ::testing::Test {
 protected:
  void label(const char* labels) {
    objects_.put("namespaces", fmt::format(R"({{"metadata":{{"name":"default","labels":{}}}}})", labels));
  }
  TestObjects objects_;
  std::unique_ptr<Plugin> plugin_ = pod_security(objects_);
};

TEST_F(PodSecurityTest, is_off_without_labels) {
  label("{}");
  EXPECT_EQ(TestRequest("pods", kPod).validate(*plugin_), "");
}

TEST_F(PodSecurityTest, holds_pods_to_the_level_of_their_namespace) {
  label(
      R"({"pod-security.kubernetes.io/enforce":"baseline","pod-security.kubernetes.io/enforce-version":"v1.30"})");
  EXPECT_EQ(
      TestRequest("pods", R"({"metadata":{"name":"web"},"spec":{"hostPID":true}})").validate(*plugin_),
      "pods \"web\" is forbidden: violates PodSecurity \"baseline:v1.30\": host namespaces (hostPID=true)");
  TestRequest good("pods", kPod);
  EXPECT_EQ(good.validate(*plugin_), "");
  EXPECT_EQ(good.request().audit_annotations["pod-security.kubernetes.io/enforce-policy"], "baseline:v1.30");
}

TEST_F(PodSecurityTest, warns_about_what_makes_pods) {
  label(R"({"pod-security.kubernetes.io/enforce":"baseline","pod-security.kubernetes.io/warn":"baseline"})");
  TestRequest request("deployments.apps",
                      R"({"metadata":{"name":"web"},"spec":{"template":{"spec":{"hostPID":true}}}})");
  EXPECT_EQ(request.validate(*plugin_), "");
  ASSERT_EQ(request.request().warnings.size(), 1U);
  EXPECT_EQ(request.request().warnings[0],
            "would violate PodSecurity \"baseline:latest\": host namespaces (hostPID=true)");
}

TEST_F(PodSecurityTest, leaves_pods_alone_that_do_not_change) {
  label(R"({"pod-security.kubernetes.io/enforce":"restricted"})");
  EXPECT_EQ(TestRequest("pods", kPod).from(kPod).validate(*plugin_), "");
}

TEST_F(PodSecurityTest, wants_labels_that_mean_something) {
  TestRequest request(
      "namespaces", R"({"metadata":{"name":"n","labels":{"pod-security.kubernetes.io/enforce":"strict"}}})");
  EXPECT_EQ(request.validate(*plugin_),
            "Namespace \"n\" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "
            "\"strict\": must be one of privileged, baseline, restricted");
}

}  // namespace
}  // namespace gantry::kube::admission
