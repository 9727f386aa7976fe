// SPDX-License-Identifier: Apache-2.0
#include "container/seccomp_profile.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "container/isolation.h"
#include "kernel/syscall_table.h"
#include "testing/must.h"

namespace gantry::container {
namespace {

using List = std::vector<std::string>;

oci::Seccomp resolved(const SeccompProfile& profile, const List& capabilities, KernelVersion kernel = {6, 1},
                      std::string_view machine = "amd64") {
  return resolve(profile, {.capabilities = capabilities, .kernel = kernel, .machine = machine});
}

SeccompProfile parsed(std::string_view json) { return MUST(parse_seccomp_profile(json)); }

std::string refusal(std::string_view json) {
  const auto profile = parse_seccomp_profile(json);
  return profile ? "" : profile.error().message();
}

// Calls that are allowed whatever their arguments.
std::set<std::string> allowed(const oci::Seccomp& seccomp) {
  std::set<std::string> names;
  for (const oci::Syscall& rule : seccomp.syscalls)
    if (rule.action == "SCMP_ACT_ALLOW" && rule.args.empty())
      names.insert(rule.names.begin(), rule.names.end());
  return names;
}

TEST(DefaultSeccomp, denies_what_it_does_not_name) {
  const oci::Seccomp seccomp = resolved(default_seccomp_profile(), default_capabilities());
  EXPECT_EQ(seccomp.default_action, "SCMP_ACT_ERRNO");
  EXPECT_EQ(seccomp.default_errno_ret, 1U);
  EXPECT_EQ(seccomp.architectures, (List{"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"}));
}

TEST(DefaultSeccomp, allows_ordinary_calls_and_none_that_manage_the_machine) {
  const std::set<std::string> names = allowed(resolved(default_seccomp_profile(), default_capabilities()));
  for (const char* name : {"read", "execve", "clone3", "chroot", "ptrace", "arch_prctl"})
    EXPECT_EQ(names.contains(name), std::string_view(name) != "clone3") << name;
  for (const char* name : {"mount", "reboot", "bpf", "init_module", "keyctl", "add_key", "io_uring_setup",
                           "userfaultfd", "kexec_load", "setns", "unshare", "open_by_handle_at"})
    EXPECT_FALSE(names.contains(name)) << name;
}

TEST(DefaultSeccomp, gives_the_calls_of_a_capability_with_it) {
  const std::set<std::string> names =
      allowed(resolved(default_seccomp_profile(), {"CAP_SYS_ADMIN", "CAP_BPF"}));
  for (const char* name : {"mount", "unshare", "clone", "clone3", "bpf"})
    EXPECT_TRUE(names.contains(name)) << name;
  EXPECT_FALSE(names.contains("chroot"));
  EXPECT_FALSE(names.contains("reboot"));
}

TEST(DefaultSeccomp, says_that_clone3_does_not_exist) {
  const oci::Seccomp seccomp = resolved(default_seccomp_profile(), {});
  const auto rule = std::ranges::find(seccomp.syscalls, List{"clone3"}, &oci::Syscall::names);
  ASSERT_NE(rule, seccomp.syscalls.end());
  EXPECT_EQ(rule->errno_ret, 38U);
}

TEST(DefaultSeccomp, names_only_calls_that_exist_on_some_machine_of_ours) {
  for (const char* machine : {"amd64", "arm64", "riscv64"})
    for (const oci::Syscall& rule : resolved(default_seccomp_profile(), {}, {6, 1}, machine).syscalls)
      for (const std::string& name : rule.names) EXPECT_NE(kernel::find_syscall(name), nullptr) << name;
}

TEST(DefaultSeccomp, names_each_call_that_is_always_allowed_once) {
  const List& names = default_seccomp_profile().rules.front().rule.names;
  EXPECT_EQ(std::set(names.begin(), names.end()).size(), names.size());
}

TEST(DefaultSeccomp, follows_the_machine) {
  const oci::Seccomp arm = resolved(default_seccomp_profile(), {}, {6, 1}, "arm64");
  EXPECT_EQ(arm.architectures, (List{"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"}));
  EXPECT_TRUE(allowed(arm).contains("set_tls"));
  EXPECT_FALSE(allowed(arm).contains("arch_prctl"));
}

TEST(SeccompProfile, is_read_in_Dockers_format) {
  const SeccompProfile profile = parsed(
      R"({"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":2,"archMap":[{"architecture":"SCMP_ARCH_X86_64",
          "subArchitectures":["SCMP_ARCH_X86"]},{"architecture":"SCMP_ARCH_S390X","subArchitectures":null}],
          "syscalls":[{"names":["a","b"],"action":"SCMP_ACT_ALLOW","comment":"","args":null,"includes":{},
          "excludes":{}},{"name":"c","action":"SCMP_ACT_TRACE","errnoRet":5,
          "args":[{"index":1,"value":2114060288,"valueTwo":3,"op":"SCMP_CMP_MASKED_EQ"}]}]})");
  const oci::Seccomp seccomp = resolved(profile, {});
  EXPECT_EQ(seccomp.architectures, (List{"SCMP_ARCH_X86_64", "SCMP_ARCH_X86"}));
  ASSERT_EQ(seccomp.syscalls.size(), 2U);
  EXPECT_EQ(seccomp.syscalls[0].names, (List{"a", "b"}));
  EXPECT_EQ(seccomp.syscalls[1].names, List{"c"});
  EXPECT_EQ(seccomp.syscalls[1].errno_ret, 5U);
  EXPECT_EQ(seccomp.syscalls[1].args.at(0).value_two, 3U);
  EXPECT_EQ(seccomp.syscalls[1].args.at(0).op, "SCMP_CMP_MASKED_EQ");
}

TEST(SeccompProfile, has_rules_that_hold_under_conditions) {
  const auto holds = [](const char* conditions, const List& capabilities, KernelVersion kernel = {5, 10},
                        std::string_view machine = "amd64") {
    const SeccompProfile profile = parsed(
        std::string(R"({"defaultAction":"x","syscalls":[{"names":["a"],"action":"y",)") + conditions + "}]}");
    return !resolved(profile, capabilities, kernel, machine).syscalls.empty();
  };
  EXPECT_TRUE(holds(R"("includes":{"caps":["A","B"]})", {"A", "B", "C"}));
  EXPECT_FALSE(holds(R"("includes":{"caps":["A","B"]})", {"A"}));
  EXPECT_FALSE(holds(R"("excludes":{"caps":["A","B"]})", {"B"}));
  EXPECT_TRUE(holds(R"("excludes":{"caps":["A"]})", {}));
  EXPECT_TRUE(holds(R"("includes":{"arches":["x86","amd64"]})", {}));
  EXPECT_FALSE(holds(R"("includes":{"arches":["arm64"]})", {}));
  EXPECT_FALSE(holds(R"("excludes":{"arches":["amd64"]})", {}));
  EXPECT_TRUE(holds(R"("includes":{"minKernel":"5.9"})", {}));
  EXPECT_FALSE(holds(R"("includes":{"minKernel":"5.11"})", {}));
  EXPECT_FALSE(holds(R"("excludes":{"minKernel":"4.8"})", {}));
}

TEST(SeccompProfile, that_is_wrong_is_refused_by_the_field) {
  EXPECT_EQ(refusal("{}"), "defaultAction: is required");
  EXPECT_EQ(refusal(R"({"defaultAction":"x","architectures":["a"],"archMap":[{"architecture":"b"}]})"),
            "has both 'architectures' and 'archMap'");
  EXPECT_EQ(refusal(R"({"defaultAction":"x","syscalls":[{"name":"a","names":["b"],"action":"y"}]})"),
            "syscalls[0]: has both 'name' and 'names'");
  EXPECT_NE(
      refusal(
          R"({"defaultAction":"x","syscalls":[{"names":["a"],"action":"y","includes":{"minKernel":"new"}}]})")
          .find("'new' is not a kernel's version"),
      std::string::npos);
  EXPECT_FALSE(refusal("[]").empty());
  EXPECT_FALSE(refusal("/etc/profile.json").empty());
}

TEST(KernelVersion, is_ordered_by_numbers) {
  EXPECT_LT(MUST(KernelVersion::parse("4.8")), MUST(KernelVersion::parse("4.10.0-rc1")));
  EXPECT_LT(MUST(KernelVersion::parse("5.10.0-44-amd64")), MUST(KernelVersion::parse("6.1")));
  EXPECT_TRUE(KernelVersion::running());
  for (const char* text : {"", "6", "6.", "x.1", "-1.2"}) EXPECT_FALSE(KernelVersion::parse(text)) << text;
}

}  // namespace
}  // namespace gantry::container
