// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/test_pods.h"

namespace gantry::kube::rules {
namespace {

std::string with_sysctl(const std::string& name, const std::string& spec = R"("hostPID":false)") {
  return wrong_spec(R"("securityContext":{"sysctls":[{"name":")" + name + R"(","value":"1"}]},)" + spec);
}

TEST(PodSecurity, SettingsOfTheKernelAreThePods) {
  const std::string at = "spec.securityContext.sysctls[0].name: ";
  for (const char* fine :
       {"net.ipv4.ip_forward", "net/ipv4/conf/eth0.1/forwarding", "kernel.shm_rmid_forced"})
    EXPECT_EQ(with_sysctl(fine), "") << fine;
  EXPECT_EQ(with_sysctl(""), at + "Required value");
  EXPECT_TRUE(
      with_sysctl("net..a").starts_with(at + "Invalid value: \"net..a\": must have at most 253 characters"));
  EXPECT_EQ(with_sysctl("net/core/somaxconn", R"("hostNetwork":true)"),
            at + "Invalid value: \"net/core/somaxconn\": may not be specified when 'hostNetwork' is true");
  EXPECT_EQ(with_sysctl("kernel.sem", R"("hostIPC":true)"),
            at + "Invalid value: \"kernel.sem\": may not be specified when 'hostIPC' is true");
  EXPECT_EQ(with_sysctl("kernel.semmni", R"("hostIPC":true)"), "");
}

TEST(PodSecurity, OthersUsersAreNotTheHosts) {
  EXPECT_EQ(wrong(R"("securityContext":{"procMount":"Unmasked"})", R"("hostUsers":false)"), "");
  EXPECT_EQ(wrong(R"("securityContext":{"procMount":"Unmasked"})"),
            "spec.containers[0].securityContext.procMount: Invalid value: \"Unmasked\": `hostUsers` must be "
            "false to "
            "use `Unmasked`");
  EXPECT_EQ(wrong_spec(R"("hostUsers":false,"hostNetwork":true,"hostPID":true,"hostIPC":true)"),
            "spec.hostNetwork: Forbidden: when `hostUsers` is false\n"
            "spec.HostPID: Forbidden: when `hostUsers` is false\n"
            "spec.HostIPC: Forbidden: when `hostUsers` is false");
}

TEST(PodSecurity, WordsAreThoseThatNodesKnow) {
  EXPECT_EQ(
      wrong_spec(
          R"("securityContext":{"fsGroupChangePolicy":"Sometimes","supplementalGroupsPolicy":"Some","seLinuxChangePolicy":"MountOption"})"),
      "spec.securityContext.fsGroupChangePolicy: Unsupported value: \"Sometimes\": supported values: "
      "\"Always\", \"OnRootMismatch\"\n"
      "spec.securityContext.supplementalGroupsPolicy: Unsupported value: \"Some\": supported values: "
      "\"Merge\", \"Strict\"\n"
      "spec.securityContext.seLinuxChangePolicy: Unsupported value: \"MountOption\": supported values: "
      "\"Recursive\"");
  EXPECT_EQ(
      wrong_spec(R"("shareProcessNamespace":true,"hostPID":true)"),
      "spec.securityContext.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID "
      "cannot both be enabled");
}

TEST(PodSecurity, WithoutNewPrivilegesThereAreNone) {
  constexpr const char* kNoNew = R"("securityContext":{"allowPrivilegeEscalation":false,)";
  EXPECT_EQ(wrong(std::string(kNoNew) + R"("capabilities":{"add":["SYS_ADMIN"]}})"), "");
  EXPECT_TRUE(
      wrong(std::string(kNoNew) + R"("capabilities":{"add":["CAP_SYS_ADMIN"]}})")
          .ends_with("cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"));
  EXPECT_TRUE(wrong(std::string(kNoNew) + R"("privileged":true})")
                  .ends_with("cannot set `allowPrivilegeEscalation` to false and `privileged` to true"));
}

TEST(PodNames, AreFoundAsThePodSays) {
  EXPECT_EQ(wrong_spec(R"("dnsConfig":{"searches":["_tcp.example.com.",".","a_b"]})"), "");
  EXPECT_TRUE(wrong_spec(R"("dnsConfig":{"searches":["a..b"],"options":[{"value":"1"}]})")
                  .starts_with(
                      "spec.dnsConfig.searches[0]: Invalid value: \"a..b\": a lowercase RFC 1123 subdomain"));
  EXPECT_EQ(
      wrong_spec(R"("dnsConfig":{"nameservers":["1.1.1.1","1.1.1.2","1.1.1.3","1.1.1.4"],"options":[{}]})"),
      "spec.dnsConfig.nameservers: Invalid value: [\"1.1.1.1\",\"1.1.1.2\",\"1.1.1.3\",\"1.1.1.4\"]: must "
      "not "
      "have more than 3 nameservers\n"
      "spec.dnsConfig.options[0]: Required value: must not be empty");
  EXPECT_EQ(wrong_spec(R"("hostnameOverride":"a.b")"), "");
  EXPECT_EQ(wrong_spec(R"("hostnameOverride":"a","setHostnameAsFQDN":true,"hostNetwork":true)"),
            "spec.hostnameOverride: Forbidden: may not be specified when setHostnameAsFQDN is true\n"
            "spec.hostnameOverride: Forbidden: may not be specified when hostNetwork is true");
}

}  // namespace
}  // namespace gantry::kube::rules
