// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/test_pods.h"

namespace gantry::kube::rules {
namespace {

const std::string kOptions = "spec.securityContext.windowsOptions";

std::string with_options(const std::string& options) {
  return wrong_spec(R"("securityContext":{"windowsOptions":{)" + options + "}}");
}

TEST(PodOnWindows, UsersHaveNamesThatWindowsKnows) {
  const auto fault = [](const std::string& name) {
    const std::string found = with_options(R"("runAsUserName":")" + name + "\"");
    const std::size_t why = found.rfind("\": ");
    return found.empty() ? "" : found.substr(why + 3);
  };
  for (const char* fine : {"user", R"(DOMAIN\\user)", R"(example.com\\user name)", R"(d-1.local\\a.b)"})
    EXPECT_EQ(fault(fine), "") << fine;
  EXPECT_EQ(fault(""), "runAsUserName cannot be an empty string");
  EXPECT_EQ(fault(R"(a\tb)"), "runAsUserName cannot contain control characters");
  EXPECT_EQ(fault(R"(a\\b\\c)"), "runAsUserName cannot contain more than one backslash");
  EXPECT_EQ(fault(R"(.not-a-domain\\user)"),
            "runAsUserName's Domain doesn't match the NetBios nor the DNS format");
  EXPECT_EQ(fault(R"(DOMAIN\\)"), "runAsUserName's User cannot be empty");
  EXPECT_EQ(fault(". ."), "runAsUserName's User cannot contain only periods or spaces");
  EXPECT_EQ(fault(std::string(104, 'u')), "");
  EXPECT_EQ(fault(std::string(105, 'u')),
            "runAsUserName's User length must not be longer than 104 characters");
  EXPECT_EQ(fault("a@b"), "runAsUserName's User cannot contain the following characters: \"/\\:;|=,+*?<>@[]");
}

TEST(PodOnWindows, CredentialsAreNamedOrGiven) {
  EXPECT_EQ(
      with_options(R"("gmsaCredentialSpec":"")"),
      kOptions + ".gmsaCredentialSpec: Invalid value: \"\": gmsaCredentialSpec cannot be an empty string");
  EXPECT_EQ(with_options(R"("gmsaCredentialSpec":")" + std::string(64 << 10, 'x') + "\""), "");
  EXPECT_TRUE(with_options(R"("gmsaCredentialSpec":")" + std::string((64 << 10) + 1, 'x') + "\"")
                  .ends_with("gmsaCredentialSpec size must be under 64 KiB"));
  EXPECT_TRUE(with_options(R"("gmsaCredentialSpecName":"No_Name")")
                  .starts_with(kOptions +
                               ".gmsaCredentialSpecName: Invalid value: \"No_Name\": a lowercase RFC 1123"));
}

TEST(PodOnWindows, ProcessesOfTheHostAreAllOrNone) {
  constexpr const char* kOfHost = R"("securityContext":{"windowsOptions":{"hostProcess":true}})";
  EXPECT_EQ(wrong(kOfHost, R"("hostNetwork":true)"), "");
  EXPECT_EQ(
      wrong(kOfHost),
      "spec.hostNetwork: Invalid value: false: hostNetwork must be true if pod contains any hostProcess "
      "containers");
  EXPECT_EQ(
      wrong(kOfHost, R"("hostNetwork":true,"initContainers":[)" + other_container("first") + "]"),
      "spec: Invalid value: \"\": If pod contains any hostProcess containers then all containers must be "
      "HostProcess containers");
  EXPECT_EQ(
      wrong(R"("securityContext":{"windowsOptions":{"hostProcess":false}})",
            std::string(kOfHost) + R"(,"hostNetwork":true)"),
      "spec.containers[0].securityContext.windowsOptions.hostProcess: Invalid value: false: pod hostProcess "
      "value must be identical if both are specified, was true");
}

TEST(PodOnWindows, EachSystemHasItsOwnFields) {
  EXPECT_EQ(wrong(R"("securityContext":{"runAsUser":1})", R"("os":{"name":"linux"},"hostUsers":true)"), "");
  EXPECT_EQ(
      wrong(
          R"("securityContext":{"privileged":false,"runAsUser":1})",
          R"("os":{"name":"windows"},"hostPID":true,"hostIPC":false,"hostUsers":true,"securityContext":{"fsGroup":1})"),
      "spec.hostUsers: Forbidden: cannot be set for a windows pod\n"
      "spec.hostPID: Forbidden: cannot be set for a windows pod\n"
      "spec.securityContext.fsGroup: Forbidden: cannot be set for a windows pod\n"
      "spec.containers[0].securityContext.privileged: Forbidden: cannot be set for a windows pod\n"
      "spec.containers[0].securityContext.runAsUser: Forbidden: cannot be set for a windows pod");
  EXPECT_EQ(
      wrong(R"("securityContext":{"windowsOptions":{}})", R"("os":{"name":"linux"})"),
      "spec.containers[0].securityContext.windowsOptions: Forbidden: windows options cannot be set for a "
      "linux pod");
  EXPECT_EQ(wrong_spec(R"("os":{})"), "spec.os.name: Required value");
  EXPECT_EQ(wrong_spec(R"("os":{"name":"plan9"})"),
            "spec.os: Unsupported value: \"plan9\": supported values: \"linux\", \"windows\"");
}

}  // namespace
}  // namespace gantry::kube::rules
