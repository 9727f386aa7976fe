// SPDX-License-Identifier: Apache-2.0
#include "runtime/seccomp_filter.h"

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <numeric>
#include <random>
#include <set>

#include "base/file.h"
#include "kernel/seccomp.h"
#include "kernel/syscall_table.h"
#include "runtime/seccomp_interpreter.h"
#include "runtime/seccomp_test_profile.h"
#include "testing/must.h"

namespace gantry::runtime {
namespace {

using kernel::find_syscall;
using kernel::SyscallArch;

constexpr std::uint32_t kEperm = SECCOMP_RET_ERRNO | EPERM;
constexpr std::uint32_t kEnosys = SECCOMP_RET_ERRNO | ENOSYS;

// What the kernel tells a filter about a call of an architecture.
seccomp_data call_of(SyscallArch arch, std::uint32_t number, std::array<std::uint64_t, 6> arguments = {}) {
  constexpr std::uint32_t kAuditArch[] = {AUDIT_ARCH_X86_64,  AUDIT_ARCH_I386, AUDIT_ARCH_X86_64,
                                          AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM,  AUDIT_ARCH_RISCV64};
  seccomp_data data{.nr = static_cast<int>(number), .arch = kAuditArch[static_cast<std::size_t>(arch)]};
  std::ranges::copy(arguments, data.args);
  return data;
}

seccomp_data call_of(SyscallArch arch, const char* name, std::array<std::uint64_t, 6> arguments = {}) {
  return call_of(arch, static_cast<std::uint32_t>(find_syscall(name)->number(arch)), arguments);
}

SeccompFilter compile(const oci::Seccomp& profile, Machine machine = Machine::X86_64) {
  SeccompFilter filter = MUST(compile_seccomp(profile, machine));
  EXPECT_EQ(fault_of(filter.program), nullptr) << fault_of(filter.program);
  return filter;
}

std::uint32_t action_at(const SeccompFilter& filter, const seccomp_data& data) {
  return run(filter.program, data).action;
}

oci::Seccomp deny_all() { return {.default_action = "SCMP_ACT_ERRNO"}; }
oci::Seccomp allow_all() { return {.default_action = "SCMP_ACT_ALLOW"}; }

oci::Seccomp with(oci::Seccomp profile, oci::Syscall entry) {
  profile.syscalls.push_back(std::move(entry));
  return profile;
}

std::string refusal_of(const oci::Seccomp& profile) {
  const Result<SeccompFilter> filter = compile_seccomp(profile);
  if (filter) return "(none)";
  EXPECT_EQ(filter.error().code(), Code::InvalidArgument);
  return filter.error().message();
}

// ---- Meaning

TEST(SeccompFilter, DecidesByName) {
  const SeccompFilter filter =
      compile(with(deny_all(), {.names = {"read", "write", "futex_waitv"}, .action = "SCMP_ACT_ALLOW"}));
  EXPECT_EQ(action_at(filter, call_of(SyscallArch::X86_64, "read")), SECCOMP_RET_ALLOW);
  EXPECT_EQ(action_at(filter, call_of(SyscallArch::X86_64, "write")), SECCOMP_RET_ALLOW);
  EXPECT_EQ(action_at(filter, call_of(SyscallArch::X86_64, "open")), kEperm);
  EXPECT_EQ(filter.flags, SECCOMP_FILTER_FLAG_SPEC_ALLOW);
  EXPECT_FALSE(filter.has_notify);
}

TEST(SeccompFilter, KnowsEveryAction) {
  const std::pair<oci::Syscall, std::uint32_t> kCases[] = {
      {{.action = "SCMP_ACT_KILL"}, SECCOMP_RET_KILL_THREAD},
      {{.action = "SCMP_ACT_KILL_THREAD"}, SECCOMP_RET_KILL_THREAD},
      {{.action = "SCMP_ACT_KILL_PROCESS"}, SECCOMP_RET_KILL_PROCESS},
      {{.action = "SCMP_ACT_TRAP"}, SECCOMP_RET_TRAP},
      {{.action = "SCMP_ACT_ERRNO"}, SECCOMP_RET_ERRNO | EPERM},
      {{.action = "SCMP_ACT_ERRNO", .errno_ret = 4095}, SECCOMP_RET_ERRNO | 4095},
      {{.action = "SCMP_ACT_TRACE"}, SECCOMP_RET_TRACE | EPERM},
      {{.action = "SCMP_ACT_TRACE", .errno_ret = 0xffff}, SECCOMP_RET_TRACE | 0xffff},
      {{.action = "SCMP_ACT_LOG"}, SECCOMP_RET_LOG},
      {{.action = "SCMP_ACT_NOTIFY"}, SECCOMP_RET_USER_NOTIF},
  };
  for (auto [entry, action] : kCases) {
    entry.names = {"getpid"};
    oci::Seccomp profile = with(allow_all(), entry);
    profile.listener_path = "/run/listener";
    EXPECT_EQ(action_at(compile(profile), call_of(SyscallArch::X86_64, "getpid")), action) << entry.action;
  }
  oci::Seccomp profile = deny_all();
  profile.default_errno_ret = EACCES;
  EXPECT_EQ(action_at(compile(profile), call_of(SyscallArch::X86_64, "getpid")), SECCOMP_RET_ERRNO | EACCES);
}

TEST(SeccompFilter, ComparesAllOf64BitsUnsigned) {
  using Meaning = bool (*)(std::uint64_t, std::uint64_t);
  const std::pair<const char*, Meaning> kOperators[] = {
      {"SCMP_CMP_NE", [](std::uint64_t a, std::uint64_t b) { return a != b; }},
      {"SCMP_CMP_LT", [](std::uint64_t a, std::uint64_t b) { return a < b; }},
      {"SCMP_CMP_LE", [](std::uint64_t a, std::uint64_t b) { return a <= b; }},
      {"SCMP_CMP_EQ", [](std::uint64_t a, std::uint64_t b) { return a == b; }},
      {"SCMP_CMP_GE", [](std::uint64_t a, std::uint64_t b) { return a >= b; }},
      {"SCMP_CMP_GT", [](std::uint64_t a, std::uint64_t b) { return a > b; }}};
  const std::uint64_t kWords[] = {0, 1, 5, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};
  for (const auto& [op, holds] : kOperators)
    for (std::uint32_t index = 0; index < 6; ++index)
      for (const std::uint64_t high : kWords)
        for (const std::uint64_t low : kWords) {
          const std::uint64_t value = high << 32 | low;
          const SeccompFilter filter = compile(with(
              deny_all(), {.names = {"ioctl"}, .action = "SCMP_ACT_ALLOW", .args = {{index, value, 0, op}}}));
          for (const std::uint64_t h : kWords)
            for (const std::uint64_t l : kWords) {
              std::array<std::uint64_t, 6> arguments{};
              arguments[index] = h << 32 | l;
              EXPECT_EQ(action_at(filter, call_of(SyscallArch::X86_64, "ioctl", arguments)),
                        holds(h << 32 | l, value) ? SECCOMP_RET_ALLOW : kEperm)
                  << arguments[index] << " " << op << " " << value;
            }
        }
}

TEST(SeccompFilter, ComparesUnderAMask) {
  const auto check = [](std::uint64_t mask, std::uint64_t value, std::uint64_t argument, bool holds) {
    const SeccompFilter filter = compile(with(
        deny_all(),
        {.names = {"clone"}, .action = "SCMP_ACT_ALLOW", .args = {{0, mask, value, "SCMP_CMP_MASKED_EQ"}}}));
    EXPECT_EQ(action_at(filter, call_of(SyscallArch::X86_64, "clone", {argument})),
              holds ? SECCOMP_RET_ALLOW : kEperm)
        << mask << " " << value << " " << argument;
  };
  check(0x7e020000, 0, 0x11, true);
  check(0x7e020000, 0, 0x10000000, false);
  check(0xff00000000, 0x1200000000, 0x3412ffffffff, true);
  check(0xff00000000, 0x1200000000, 0x3413ffffffff, false);
  check(0xf0000000f, 0x100000002, 0x7100000072, true);
  check(0xf0000000f, 0x100000002, 0x7100000073, false);
  check(0xf0, 0x12, 0x1f, true);  // bits of the value outside the mask do not count
  check(0, 0x12, 99, true);       // nor does anything under no mask
}

TEST(SeccompFilter, NeedsAllConditionsOfARule) {
  const SeccompFilter filter = compile(with(
      deny_all(), {.names = {"socket"},
                   .action = "SCMP_ACT_ALLOW",
                   .args = {{1, 3, 0, "SCMP_CMP_EQ"}, {0, 2, 0, "SCMP_CMP_NE"}, {2, 7, 0, "SCMP_CMP_LE"}}}));
  EXPECT_EQ(action_at(filter, call_of(SyscallArch::X86_64, "socket", {1, 3, 7})), SECCOMP_RET_ALLOW);
  EXPECT_EQ(action_at(filter, call_of(SyscallArch::X86_64, "socket", {2, 3, 7})), kEperm);
  EXPECT_EQ(action_at(filter, call_of(SyscallArch::X86_64, "socket", {1, 4, 7})), kEperm);
  EXPECT_EQ(action_at(filter, call_of(SyscallArch::X86_64, "socket", {1, 3, 8})), kEperm);
}

TEST(SeccompFilter, TakesConditionsOnOneArgumentAsAlternatives) {
  const SeccompFilter filter = compile(with(
      deny_all(), {.names = {"socket"},
                   .action = "SCMP_ACT_ALLOW",
                   .args = {{0, 1, 0, "SCMP_CMP_EQ"}, {0, 2, 0, "SCMP_CMP_EQ"}, {1, 3, 0, "SCMP_CMP_EQ"}}}));
  EXPECT_EQ(action_at(filter, call_of(SyscallArch::X86_64, "socket", {1, 9})), SECCOMP_RET_ALLOW);
  EXPECT_EQ(action_at(filter, call_of(SyscallArch::X86_64, "socket", {2, 9})), SECCOMP_RET_ALLOW);
  EXPECT_EQ(action_at(filter, call_of(SyscallArch::X86_64, "socket", {9, 3})), SECCOMP_RET_ALLOW);
  EXPECT_EQ(action_at(filter, call_of(SyscallArch::X86_64, "socket", {9, 9})), kEperm);
}

TEST(SeccompFilter, PrefersARuleWithoutConditionsAndThenTheFirst) {
  oci::Seccomp profile = deny_all();
  profile = with(profile, {.names = {"ioctl"}, .action = "SCMP_ACT_LOG", .args = {{0, 1, 0, "SCMP_CMP_EQ"}}});
  profile = with(profile, {.names = {"ioctl"}, .action = "SCMP_ACT_ALLOW"});
  profile = with(profile, {.names = {"ioctl"}, .action = "SCMP_ACT_TRAP"});
  EXPECT_EQ(action_at(compile(profile), call_of(SyscallArch::X86_64, "ioctl", {1})), SECCOMP_RET_ALLOW);
}

TEST(SeccompFilter, AsksTheNarrowerConditionFirst) {
  oci::Seccomp profile = deny_all();
  profile =
      with(profile, {.names = {"ioctl"}, .action = "SCMP_ACT_ALLOW", .args = {{0, 5, 0, "SCMP_CMP_GE"}}});
  profile = with(profile, {.names = {"ioctl"}, .action = "SCMP_ACT_LOG", .args = {{0, 9, 0, "SCMP_CMP_GE"}}});
  profile =
      with(profile, {.names = {"ioctl"}, .action = "SCMP_ACT_TRAP", .args = {{0, 11, 0, "SCMP_CMP_EQ"}}});
  const SeccompFilter filter = compile(profile);
  EXPECT_EQ(action_at(filter, call_of(SyscallArch::X86_64, "ioctl", {4})), kEperm);
  EXPECT_EQ(action_at(filter, call_of(SyscallArch::X86_64, "ioctl", {8})), SECCOMP_RET_ALLOW);
  EXPECT_EQ(action_at(filter, call_of(SyscallArch::X86_64, "ioctl", {10})), SECCOMP_RET_LOG);
  EXPECT_EQ(action_at(filter, call_of(SyscallArch::X86_64, "ioctl", {11})), SECCOMP_RET_TRAP);
}

TEST(SeccompFilter, KillsCallsOfArchitecturesNotListed) {
  oci::Seccomp profile = allow_all();
  const SeccompFilter native = compile(profile);
  EXPECT_EQ(action_at(native, call_of(SyscallArch::X86_64, "read")), SECCOMP_RET_ALLOW);
  EXPECT_EQ(action_at(native, call_of(SyscallArch::X86, "read")), SECCOMP_RET_KILL_PROCESS);
  EXPECT_EQ(action_at(native, call_of(SyscallArch::X32, "read")), SECCOMP_RET_KILL_PROCESS);
  EXPECT_EQ(action_at(native, call_of(SyscallArch::Arm, "read")), SECCOMP_RET_KILL_PROCESS);

  profile.architectures = {"SCMP_ARCH_X86", "SCMP_ARCH_S390X"};  // the native one need not be listed
  const SeccompFilter both = compile(profile);
  EXPECT_EQ(action_at(both, call_of(SyscallArch::X86_64, "read")), SECCOMP_RET_ALLOW);
  EXPECT_EQ(action_at(both, call_of(SyscallArch::X86, "read")), SECCOMP_RET_ALLOW);
  EXPECT_EQ(action_at(both, call_of(SyscallArch::X32, "read")), SECCOMP_RET_KILL_PROCESS);
}

TEST(SeccompFilter, TellsX32FromX86_64) {
  oci::Seccomp profile = with(deny_all(), {.names = {"preadv", "ioctl"}, .action = "SCMP_ACT_ALLOW"});
  profile.architectures = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X32"};
  const SeccompFilter filter = compile(profile);
  EXPECT_EQ(action_at(filter, call_of(SyscallArch::X86_64, "preadv")), SECCOMP_RET_ALLOW);
  EXPECT_EQ(action_at(filter, call_of(SyscallArch::X32, "preadv")), SECCOMP_RET_ALLOW);
  // 16 is ioctl on x86_64; x32 has it as 514.
  EXPECT_EQ(action_at(filter, call_of(SyscallArch::X86_64, 16)), SECCOMP_RET_ALLOW);
  EXPECT_EQ(action_at(filter, call_of(SyscallArch::X32, kernel::kX32Bit | 16)), kEperm);
  EXPECT_EQ(action_at(filter, call_of(SyscallArch::X32, kernel::kX32Bit | 514)), SECCOMP_RET_ALLOW);
}

TEST(SeccompFilter, ReachesCallsThroughSocketcallAndIpc) {
  oci::Seccomp profile = deny_all();
  profile =
      with(profile, {.names = {"socket"}, .action = "SCMP_ACT_ALLOW", .args = {{0, 40, 0, "SCMP_CMP_NE"}}});
  profile = with(profile, {.names = {"semop"}, .action = "SCMP_ACT_ALLOW"});
  profile = with(profile, {.names = {"bind"}, .action = "SCMP_ACT_LOG"});
  profile.architectures = {"SCMP_ARCH_X86"};
  const SeccompFilter filter = compile(profile);
  EXPECT_EQ(action_at(filter, call_of(SyscallArch::X86, "socket", {1})), SECCOMP_RET_ALLOW);
  EXPECT_EQ(action_at(filter, call_of(SyscallArch::X86, "socket", {40})), kEperm);
  EXPECT_EQ(action_at(filter, call_of(SyscallArch::X86, "socketcall", {1})), SECCOMP_RET_ALLOW);
  EXPECT_EQ(action_at(filter, call_of(SyscallArch::X86, "socketcall", {2})), SECCOMP_RET_LOG);
  EXPECT_EQ(action_at(filter, call_of(SyscallArch::X86, "socketcall", {3})), kEperm);
  EXPECT_EQ(action_at(filter, call_of(SyscallArch::X86, "ipc", {1})), SECCOMP_RET_ALLOW);
  EXPECT_EQ(action_at(filter, call_of(SyscallArch::X86, "ipc", {0x10001})), SECCOMP_RET_ALLOW);
  EXPECT_EQ(action_at(filter, call_of(SyscallArch::X86, "ipc", {2})), kEperm);
}

TEST(SeccompFilter, TakesTheStricterActionWhereConditionsCannotBeAsked) {
  oci::Seccomp profile = allow_all();
  profile =
      with(profile, {.names = {"socket"}, .action = "SCMP_ACT_LOG", .args = {{0, 2, 0, "SCMP_CMP_EQ"}}});
  profile =
      with(profile, {.names = {"socket"}, .action = "SCMP_ACT_TRAP", .args = {{0, 16, 0, "SCMP_CMP_EQ"}}});
  profile.architectures = {"SCMP_ARCH_X86"};
  EXPECT_EQ(action_at(compile(profile), call_of(SyscallArch::X86, "socketcall", {1})), SECCOMP_RET_TRAP);
}

TEST(SeccompFilter, AnswersCallsNewerThanTheProfileWithEnosys) {
  const oci::Syscall entry{.names = {"read", "statx"}, .action = "SCMP_ACT_ALLOW"};
  for (const char* denying : {"SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP"}) {
    const SeccompFilter filter = compile(with({.default_action = denying}, entry));
    EXPECT_NE(action_at(filter, call_of(SyscallArch::X86_64, "open")), kEnosys);
    EXPECT_EQ(action_at(filter, call_of(SyscallArch::X86_64, "statx")), SECCOMP_RET_ALLOW);
    EXPECT_EQ(action_at(filter, call_of(SyscallArch::X86_64, 333)), kEnosys);
    EXPECT_EQ(action_at(filter, call_of(SyscallArch::X86_64, 100'000)), kEnosys);
  }
  for (const char* permitting : {"SCMP_ACT_LOG", "SCMP_ACT_TRACE"})
    EXPECT_NE(
        action_at(compile(with({.default_action = permitting}, entry)), call_of(SyscallArch::X86_64, 1000)),
        kEnosys);
  // A rule that only repeats the default action shows that the profile knows the call.
  const SeccompFilter filter =
      compile(with(with(deny_all(), entry), {.names = {"openat2"}, .action = "SCMP_ACT_ERRNO"}));
  EXPECT_EQ(action_at(filter, call_of(SyscallArch::X86_64, "openat2")), kEperm);
  EXPECT_EQ(action_at(filter, call_of(SyscallArch::X86_64, "faccessat2")), kEnosys);
  // A profile that names nothing says nothing about what is new.
  EXPECT_EQ(action_at(compile(deny_all()), call_of(SyscallArch::X86_64, 1000)), kEperm);
}

TEST(SeccompFilter, DoesNotTakeArmsOwnCallsForNewOnes) {
  oci::Seccomp profile =
      with(deny_all(), {.names = {"read", "statx", "cacheflush"}, .action = "SCMP_ACT_ALLOW"});
  profile.architectures = {"SCMP_ARCH_ARM"};
  const SeccompFilter filter = compile(profile, Machine::Aarch64);
  EXPECT_EQ(action_at(filter, call_of(SyscallArch::Arm, "cacheflush")), SECCOMP_RET_ALLOW);
  EXPECT_EQ(action_at(filter, call_of(SyscallArch::Arm, "breakpoint")), kEperm);
  EXPECT_EQ(action_at(filter, call_of(SyscallArch::Arm, "clone3")), kEnosys);
  EXPECT_EQ(action_at(filter, call_of(SyscallArch::Arm, "mmap2")), kEperm);
}

TEST(SeccompFilter, ReportsNamesThatNobodyHas) {
  const SeccompFilter filter =
      compile(with(deny_all(), {.names = {"read", "no_such_call", "cacheflush", "no_such_call"},
                                .action = "SCMP_ACT_ALLOW"}));
  EXPECT_EQ(filter.unknown_syscalls, std::vector<std::string>{"no_such_call"});
}

TEST(SeccompFilter, HandsFlagsOn) {
  oci::Seccomp profile = allow_all();
  EXPECT_EQ(compile(profile).flags, SECCOMP_FILTER_FLAG_SPEC_ALLOW);
  profile.flags.emplace();
  EXPECT_EQ(compile(profile).flags, 0u);
  profile.flags = {{"SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_TSYNC"}};
  EXPECT_EQ(compile(profile).flags, SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_TSYNC);

  profile = with(profile, {.names = {"mkdir"}, .action = "SCMP_ACT_NOTIFY"});
  profile.listener_path = "/run/listener";
  profile.flags = {{"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"}};
  const SeccompFilter filter = compile(profile);
  EXPECT_TRUE(filter.has_notify);
  EXPECT_EQ(filter.flags, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC |
                              SECCOMP_FILTER_FLAG_TSYNC_ESRCH | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
}

TEST(SeccompFilter, NamesTheFieldThatItRefuses) {
  const oci::Syscall read{.names = {"read"}, .action = "SCMP_ACT_ALLOW"};
  EXPECT_EQ(refusal_of({.default_action = "ALLOW"}), "linux.seccomp.defaultAction: unknown action 'ALLOW'");
  EXPECT_EQ(refusal_of({.default_action = "SCMP_ACT_NOTIFY", .listener_path = "/x"}),
            "linux.seccomp.defaultAction: must not be SCMP_ACT_NOTIFY");
  EXPECT_EQ(refusal_of({.default_action = "SCMP_ACT_KILL", .default_errno_ret = 1}),
            "linux.seccomp.defaultErrnoRet: SCMP_ACT_KILL does not return an errno");
  EXPECT_EQ(refusal_of({.default_action = "SCMP_ACT_ERRNO", .default_errno_ret = 4096}),
            "linux.seccomp.defaultErrnoRet: must be at most 4095 for SCMP_ACT_ERRNO, is 4096");
  EXPECT_EQ(refusal_of({.default_action = "SCMP_ACT_ALLOW", .architectures = {"SCMP_ARCH_X86", "X"}}),
            "linux.seccomp.architectures[1]: unknown architecture 'X'");
  EXPECT_EQ(refusal_of({.default_action = "SCMP_ACT_ALLOW", .flags = {{"X"}}}),
            "linux.seccomp.flags[0]: unknown flag 'X'");
  EXPECT_EQ(
      refusal_of({.default_action = "SCMP_ACT_ALLOW", .flags = {{"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"}}}),
      "linux.seccomp.flags[0]: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV needs a rule with SCMP_ACT_NOTIFY");
  EXPECT_EQ(refusal_of({.default_action = "SCMP_ACT_ALLOW", .listener_metadata = "x"}),
            "linux.seccomp.listenerMetadata: needs listenerPath");
  EXPECT_EQ(refusal_of(with(with(deny_all(), read), {.names = {"write"}, .action = "X"})),
            "linux.seccomp.syscalls[1].action: unknown action 'X'");
  EXPECT_EQ(refusal_of(with(deny_all(), {.names = {"read"}, .action = "SCMP_ACT_ALLOW", .errno_ret = 1})),
            "linux.seccomp.syscalls[0].errnoRet: SCMP_ACT_ALLOW does not return an errno");
  EXPECT_EQ(refusal_of(with(deny_all(), {.names = {"read", ""}, .action = "SCMP_ACT_ALLOW"})),
            "linux.seccomp.syscalls[0].names[1]: must not be empty");
  EXPECT_EQ(refusal_of(with(deny_all(), {.names = {"read"},
                                         .action = "SCMP_ACT_ALLOW",
                                         .args = {{0, 0, 0, "SCMP_CMP_EQ"}, {0, 0, 0, "="}}})),
            "linux.seccomp.syscalls[0].args[1].op: unknown operator '='");
  EXPECT_EQ(
      refusal_of(with(deny_all(),
                      {.names = {"read"}, .action = "SCMP_ACT_ALLOW", .args = {{6, 0, 0, "SCMP_CMP_EQ"}}})),
      "linux.seccomp.syscalls[0].args[0].index: a system call has arguments 0 to 5, is 6");
  EXPECT_EQ(refusal_of(with(deny_all(), {.names = {"read"}, .action = "SCMP_ACT_NOTIFY"})),
            "linux.seccomp.listenerPath: SCMP_ACT_NOTIFY needs a listener");
  EXPECT_EQ(
      refusal_of(with(deny_all(), {.names = {"read", "sendmsg"}, .action = "SCMP_ACT_NOTIFY"})),
      "linux.seccomp.syscalls[0]: SCMP_ACT_NOTIFY cannot be used for 'sendmsg', by which the listener is "
      "handed over");
}

TEST(SeccompFilter, RefusesTwoActionsUnderTheSameConditions) {
  oci::Seccomp profile = deny_all();
  profile =
      with(profile, {.names = {"ioctl"}, .action = "SCMP_ACT_ALLOW", .args = {{0, 1, 0, "SCMP_CMP_EQ"}}});
  profile =
      with(profile, {.names = {"ioctl"}, .action = "SCMP_ACT_ALLOW", .args = {{0, 1, 0, "SCMP_CMP_EQ"}}});
  EXPECT_EQ(refusal_of(profile), "(none)");
  profile = with(profile, {.names = {"ioctl"}, .action = "SCMP_ACT_LOG", .args = {{0, 1, 0, "SCMP_CMP_EQ"}}});
  EXPECT_EQ(
      refusal_of(profile),
      "linux.seccomp.syscalls[2]: has the same conditions on a call as syscalls[0], but another action");
}

// Comparisons of all but the last of 1,300 alternatives lie farther apart than a branch can jump.
TEST(SeccompFilter, JumpsAnyDistance) {
  oci::Seccomp profile = deny_all();
  const std::array kActions = {"SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRAP", "SCMP_ACT_KILL"};
  constexpr std::uint32_t kActionValues[] = {SECCOMP_RET_ALLOW, SECCOMP_RET_LOG, SECCOMP_RET_TRAP,
                                             SECCOMP_RET_KILL_THREAD};
  for (std::uint64_t i = 0; i < 900; ++i)
    profile = with(std::move(profile),
                   {.names = {"ioctl"}, .action = kActions[i % 4], .args = {{1, i, 0, "SCMP_CMP_EQ"}}});
  profile = with(std::move(profile), {.names = {"read", "write", "statx"}, .action = "SCMP_ACT_ALLOW"});
  const SeccompFilter filter = compile(profile);
  for (std::uint64_t i = 0; i < 900; ++i)
    EXPECT_EQ(action_at(filter, call_of(SyscallArch::X86_64, "ioctl", {0, i})), kActionValues[i % 4]) << i;
  EXPECT_EQ(action_at(filter, call_of(SyscallArch::X86_64, "ioctl", {0, 900})), kEperm);
  EXPECT_EQ(action_at(filter, call_of(SyscallArch::X86_64, "read")), SECCOMP_RET_ALLOW);
  EXPECT_EQ(action_at(filter, call_of(SyscallArch::X86_64, 1000)), kEnosys);

  for (std::uint64_t i = 900; i < 1300; ++i)
    profile = with(std::move(profile),
                   {.names = {"ioctl"}, .action = kActions[i % 4], .args = {{1, i, 0, "SCMP_CMP_EQ"}}});
  EXPECT_TRUE(refusal_of(profile).ends_with("instructions of filter, the kernel takes at most 4096"))
      << refusal_of(profile);
}

TEST(SeccompFilter, IsNotWornOutByAHugeProfile) {
  oci::Syscall entry{.names = std::vector<std::string>(20'000, "ioctl"), .action = "SCMP_ACT_ALLOW"};
  for (std::uint64_t i = 0; i < 20'000; ++i) entry.args.push_back({0, i, 0, "SCMP_CMP_EQ"});
  EXPECT_EQ(refusal_of(with(deny_all(), entry)), "linux.seccomp.syscalls: more than 65536 rules in all");

  entry.args.clear();
  for (int i = 0; i < 20'000; ++i)
    entry.names[static_cast<std::size_t>(i)] = fmt::format("unknown{}", i % 5'000);
  EXPECT_EQ(compile(with(deny_all(), entry)).unknown_syscalls.size(), 5'000u);

  const std::string refusal = refusal_of({.default_action = std::string(1'000'000, '\n')});
  EXPECT_LT(refusal.size(), 200u);
  EXPECT_EQ(refusal.find('\n'), std::string::npos);
}

TEST(SeccompFilter, ListsTheFlagsOfTheKernelForFeatures) {
  const auto supported = supported_seccomp_flags();
  EXPECT_NE(std::ranges::find(supported, "SECCOMP_FILTER_FLAG_LOG"), supported.end());
}

// ---- The profile that nearly every container gets

TEST(SeccompFilter, KeepsTheDefaultProfileShortAndFast) {
  const oci::Seccomp profile = engine_default_profile();
  const SeccompFilter filter = compile(profile);
  EXPECT_TRUE(filter.unknown_syscalls.empty());

  unsigned deepest = 0, sum = 0;
  for (std::uint32_t number = 0; number < 470; ++number) {
    const unsigned steps = run(filter.program, call_of(SyscallArch::X86_64, number)).steps;
    deepest = std::max(deepest, steps);
    sum += steps;
  }
  using Clock = std::chrono::steady_clock;
  auto best = Clock::duration::max();
  for (int i = 0; i < 20; ++i) {
    const auto start = Clock::now();
    const SeccompFilter again = compile(profile);
    best = std::min(best, Clock::now() - start);
  }
  const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(best).count();
  std::printf("default profile: %zu instructions, %u steps at most, %.1f on average, compiled in %ld us\n",
              filter.program.size(), deepest, sum / 470.0, static_cast<long>(microseconds));
  EXPECT_LT(filter.program.size(), 400u);
  EXPECT_LT(deepest, 40u);  // personality(2) with five conditions
}

// ---- The same answers as libseccomp

struct Abi {
  Machine machine;
  SyscallArch arch;
  bool wide_registers;  // as the kernel reports them; x32 has whole registers
  std::uint32_t token;
  const char* name;
};
constexpr Abi kAbis[] = {
    {Machine::X86_64, SyscallArch::X86_64, true, SCMP_ARCH_X86_64, "SCMP_ARCH_X86_64"},
    {Machine::X86_64, SyscallArch::X86, false, SCMP_ARCH_X86, "SCMP_ARCH_X86"},
    {Machine::X86_64, SyscallArch::X32, true, SCMP_ARCH_X32, "SCMP_ARCH_X32"},
    {Machine::Aarch64, SyscallArch::Aarch64, true, SCMP_ARCH_AARCH64, "SCMP_ARCH_AARCH64"},
    {Machine::Aarch64, SyscallArch::Arm, false, SCMP_ARCH_ARM, "SCMP_ARCH_ARM"},
    {Machine::Riscv64, SyscallArch::Riscv64, true, SCMP_ARCH_RISCV64, "SCMP_ARCH_RISCV64"},
};

bool lists(const oci::Seccomp& profile, const Abi& abi) {
  const bool native =
      abi.arch == SyscallArch::X86_64 || abi.arch == SyscallArch::Aarch64 || abi.arch == SyscallArch::Riscv64;
  return native || std::ranges::find(profile.architectures, abi.name) != profile.architectures.end();
}

// A profile in libseccomp's hands, filled as runc fills it.
class Libseccomp {
 public:
  Libseccomp(const oci::Seccomp& profile, Machine machine)
      : default_(action(profile.default_action, profile.default_errno_ret)),
        context_(seccomp_init(default_)) {
    for (const Abi& abi : kAbis)
      if (abi.machine == machine && lists(profile, abi)) (void)seccomp_arch_add(context_, abi.token);
    if (machine != Machine::X86_64) seccomp_arch_remove(context_, SCMP_ARCH_X86_64);
    for (const oci::Syscall& entry : profile.syscalls) add(entry);
  }
  Libseccomp(const Libseccomp&) = delete;
  Libseccomp& operator=(const Libseccomp&) = delete;
  ~Libseccomp() { seccomp_release(context_); }

  // Empty if it refused a rule.
  std::vector<sock_filter> program() const {
    if (refused_) return {};
    const UniqueFd file(::memfd_create("bpf", MFD_CLOEXEC));
    EXPECT_EQ(seccomp_export_bpf(context_, file.get()), 0);
    ::lseek(file.get(), 0, SEEK_SET);
    const std::string bytes = MUST(read_all(file.get(), "bpf"));
    std::vector<sock_filter> program(bytes.size() / sizeof(sock_filter));
    std::memcpy(program.data(), bytes.data(), bytes.size());
    return program;
  }

 private:
  static std::uint32_t action(const std::string& name, const std::optional<std::uint32_t>& errno_ret) {
    if (name == "SCMP_ACT_ALLOW") return SCMP_ACT_ALLOW;
    if (name == "SCMP_ACT_LOG") return SCMP_ACT_LOG;
    if (name == "SCMP_ACT_TRAP") return SCMP_ACT_TRAP;
    if (name == "SCMP_ACT_KILL") return SCMP_ACT_KILL;
    if (name == "SCMP_ACT_KILL_PROCESS") return SCMP_ACT_KILL_PROCESS;
    if (name == "SCMP_ACT_TRACE") return SCMP_ACT_TRACE(errno_ret.value_or(EPERM));
    EXPECT_EQ(name, "SCMP_ACT_ERRNO");
    return SCMP_ACT_ERRNO(errno_ret.value_or(EPERM));
  }

  static scmp_arg_cmp comparison(const oci::SyscallArg& argument) {
    static const std::map<std::string, scmp_compare> kOperators = {
        {"SCMP_CMP_NE", SCMP_CMP_NE},
        {"SCMP_CMP_LT", SCMP_CMP_LT},
        {"SCMP_CMP_LE", SCMP_CMP_LE},
        {"SCMP_CMP_EQ", SCMP_CMP_EQ},
        {"SCMP_CMP_GE", SCMP_CMP_GE},
        {"SCMP_CMP_GT", SCMP_CMP_GT},
        {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ}};
    return {argument.index, kOperators.at(argument.op), argument.value, argument.value_two};
  }

  void add(const oci::Syscall& entry) {
    const std::uint32_t rule_action = action(entry.action, entry.errno_ret);
    if (rule_action == default_) return;
    std::vector<scmp_arg_cmp> all;
    std::set<std::uint32_t> indices;
    for (const oci::SyscallArg& argument : entry.args) {
      all.push_back(comparison(argument));
      indices.insert(argument.index);
    }
    for (const std::string& name : entry.names) {
      const int number = seccomp_syscall_resolve_name(name.c_str());
      if (number == __NR_SCMP_ERROR) continue;
      if (indices.size() == all.size())
        refused_ |= seccomp_rule_add_array(context_, rule_action, number, all.size(), all.data()) != 0;
      else
        for (const scmp_arg_cmp& one : all)
          refused_ |= seccomp_rule_add_array(context_, rule_action, number, 1, &one) != 0;
    }
  }

  const std::uint32_t default_;
  scmp_filter_ctx context_;
  bool refused_ = false;
};

class Comparison {
 public:
  // `most`: the greatest argument to try.
  Comparison(const oci::Seccomp& profile, Machine machine, std::mt19937_64& random,
             std::uint64_t most = UINT64_MAX)
      : profile_(profile), machine_(machine), random_(random), most_(most) {
    for (const oci::Syscall& entry : profile.syscalls)
      for (const oci::SyscallArg& argument : entry.args)
        for (const std::uint64_t value : {argument.value, argument.value_two})
          values_.insert(values_.end(), {value, value + 1, value - 1, value ^ (1ull << 32), ~value});
  }

  // Whether libseccomp took the profile.
  bool check() {
    const std::vector<sock_filter> theirs = Libseccomp(profile_, machine_).program();
    if (theirs.empty()) return false;
    const SeccompFilter ours = compile(profile_, machine_);
    static const std::set<std::uint32_t> too_new = numbers_libseccomp_lacks();
    for (const Abi& abi : kAbis) {
      if (abi.machine != machine_) continue;
      const std::set<std::uint32_t> asked = numbers_with_conditions(abi);
      for (std::uint32_t number : numbers_of(abi)) {
        const std::uint32_t last = last_named(abi, is_arm_private(abi, number));
        const bool in_doubt = too_new.contains(number & ~kernel::kX32Bit);
        for (int i = 0; i < (asked.contains(number) ? 60 : 2); ++i) {
          const seccomp_data data = call_of(abi.arch, number, arguments(abi, number));
          const std::uint32_t answer = action_at(ours, data);
          if (!lists(profile_, abi)) {
            EXPECT_EQ(answer, SECCOMP_RET_KILL_PROCESS);
            EXPECT_EQ(run(theirs, data).action, SECCOMP_RET_KILL_THREAD);
          } else if (default_denies() && last != 0 && number > last) {
            EXPECT_EQ(answer, kEnosys) << number;
          } else if (!in_doubt) {
            EXPECT_EQ(answer, run(theirs, data).action)
                << abi.name << " " << number << " (" << std::hex << data.args[0] << ", " << data.args[1]
                << ", " << data.args[2] << ")\n"
                << rules_on(abi, number);
          }
          if (::testing::Test::HasFailure()) return true;
        }
      }
    }
    return true;
  }

 private:
  static bool is_arm_private(const Abi& abi, std::uint32_t number) {
    return abi.arch == SyscallArch::Arm && number >= kernel::kArmPrivateCalls;
  }

  std::string rules_on(const Abi& abi, std::uint32_t number) const {
    std::string text;
    for (const oci::Syscall& entry : profile_.syscalls)
      for (const std::string& name : entry.names)
        if (const auto* call = find_syscall(name);
            call && call->number(abi.arch) == static_cast<std::int32_t>(number)) {
          text += name + " " + entry.action;
          for (const oci::SyscallArg& argument : entry.args)
            text += fmt::format(" [{}] {} {:#x} {:#x}", argument.index, argument.op, argument.value,
                                argument.value_two);
          text += '\n';
        }
    return text;
  }

  bool default_denies() const {
    return profile_.default_action != "SCMP_ACT_ALLOW" && profile_.default_action != "SCMP_ACT_LOG" &&
           profile_.default_action != "SCMP_ACT_TRACE";
  }

  std::vector<std::uint32_t> numbers_of(const Abi& abi) const {
    const std::uint32_t base = abi.arch == SyscallArch::X32 ? kernel::kX32Bit : 0;
    std::vector<std::uint32_t> numbers(600);
    std::iota(numbers.begin(), numbers.end(), base);
    numbers.push_back(base + 0x3fffffff);
    if (abi.arch == SyscallArch::Arm)
      for (std::uint32_t i = 0; i < 8; ++i) numbers.push_back(kernel::kArmPrivateCalls + i);
    return numbers;
  }

  std::set<std::uint32_t> numbers_with_conditions(const Abi& abi) const {
    std::set<std::uint32_t> numbers;
    for (const oci::Syscall& entry : profile_.syscalls)
      for (const std::string& name : entry.names)
        if (const auto* call = find_syscall(name); call && !entry.args.empty())
          numbers.insert(static_cast<std::uint32_t>(call->number(abi.arch)));
    if (abi.arch == SyscallArch::X86) numbers.insert({102, 117});  // socketcall, ipc
    return numbers;
  }

  static std::set<std::uint32_t> numbers_libseccomp_lacks() {
    std::set<std::uint32_t> numbers;
    for (std::size_t i = 0; i < kernel::syscall_count(); ++i) {
      const kernel::SyscallEntry& call = kernel::syscall_at(i);
      if (seccomp_syscall_resolve_name(std::string(kernel::syscall_name(call)).c_str()) == __NR_SCMP_ERROR)
        for (const std::int32_t number : call.numbers)
          numbers.insert(static_cast<std::uint32_t>(number) & ~kernel::kX32Bit);
    }
    return numbers;
  }

  // 0 if the profile names none.
  std::uint32_t last_named(const Abi& abi, bool arm_private) const {
    std::int32_t last = 0;
    for (const oci::Syscall& entry : profile_.syscalls)
      for (const std::string& name : entry.names)
        if (const auto* call = find_syscall(name)) {
          const std::int32_t number = call->number(abi.arch);
          if (number != kernel::SyscallEntry::kAbsent &&
              is_arm_private(abi, static_cast<std::uint32_t>(number)) == arm_private)
            last = std::max(last, number);
        }
    return static_cast<std::uint32_t>(last);
  }

  std::array<std::uint64_t, 6> arguments(const Abi& abi, std::uint32_t number) {
    std::array<std::uint64_t, 6> arguments;
    for (std::uint64_t& argument : arguments) {
      argument = values_.empty() || random_() % 8 == 0 ? random_() >> random_() % 64
                                                       : values_[random_() % values_.size()];
      argument &= abi.wide_registers ? most_ : most_ & UINT32_MAX;
    }
    // Which call it is; libseccomp minds the version of ipc(2).
    if (abi.arch == SyscallArch::X86 && (number == 102 || number == 117)) arguments[0] = random_() % 30;
    return arguments;
  }

  const oci::Seccomp& profile_;
  const Machine machine_;
  std::mt19937_64& random_;
  const std::uint64_t most_;
  std::vector<std::uint64_t> values_ = {0, 1, UINT32_MAX, UINT64_MAX};
};

TEST(SeccompFilterAgainstLibseccomp, AgreesOnTheDefaultProfile) {
  std::mt19937_64 random(1);
  oci::Seccomp profile = engine_default_profile();
  EXPECT_TRUE(Comparison(profile, Machine::X86_64, random).check());
  profile.architectures = {};
  EXPECT_TRUE(Comparison(profile, Machine::X86_64, random).check());
  EXPECT_TRUE(Comparison(profile, Machine::Riscv64, random).check());
  profile.architectures = {"SCMP_ARCH_ARM", "SCMP_ARCH_AARCH64"};
  EXPECT_TRUE(Comparison(profile, Machine::Aarch64, random).check());
}

class RandomProfiles {
 public:
  explicit RandomProfiles(std::uint64_t seed) : random(seed) {
    for (std::size_t i = 0; i < kernel::syscall_count(); ++i) {
      const std::string name(kernel::syscall_name(kernel::syscall_at(i)));
      // The latter it does not know as arm's.
      if (seccomp_syscall_resolve_name(name.c_str()) != __NR_SCMP_ERROR && name != "sync_file_range2")
        names_.push_back(name);
    }
  }

  oci::Seccomp make() {
    oci::Seccomp profile;
    profile.default_action =
        pick({"SCMP_ACT_ERRNO", "SCMP_ACT_ALLOW", "SCMP_ACT_KILL", "SCMP_ACT_LOG", "SCMP_ACT_TRAP"});
    for (const Abi& abi : kAbis)
      if (random() % 3) profile.architectures.emplace_back(abi.name);
    for (std::uint64_t i = random() % 40; i > 0; --i) {
      oci::Syscall entry;
      for (std::uint64_t n = 1 + random() % 12; n > 0; --n)
        entry.names.push_back(names_[random() % names_.size()]);
      entry.action = pick({"SCMP_ACT_ERRNO", "SCMP_ACT_ALLOW", "SCMP_ACT_TRACE", "SCMP_ACT_LOG"});
      if (entry.action == "SCMP_ACT_ERRNO") entry.errno_ret = random() % 5;
      profile.syscalls.push_back(entry);
    }
    for (std::uint64_t i = random() % 12; i > 0; --i) add_conditions(profile);
    std::ranges::shuffle(profile.syscalls, random);
    return profile;
  }

  std::mt19937_64 random;

 private:
  const char* pick(std::initializer_list<const char*> choices) {
    return choices.begin()[random() % choices.size()];
  }

  oci::SyscallArg condition(std::uint32_t index, bool any_value) {
    // libseccomp 2.5 turns LE round when it follows another argument on a 32-bit architecture.
    const char* op = index == 0 ? pick({"SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE", "SCMP_CMP_EQ",
                                        "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ"})
                                : pick({"SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_EQ", "SCMP_CMP_GE",
                                        "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ"});
    return {index, any_value && random() % 2 ? random() >> random() % 64 : random() % 16, random() % 16, op};
  }

  // A call with several rules that have one action, or one rule of several conditions.
  void add_conditions(oci::Seccomp& profile) {
    std::string name = names_[random() % names_.size()];
    const bool multiplexed = find_syscall(name)->multiplexer != kernel::Multiplexer::None;
    oci::Syscall entry{.names = {name},
                       .action = pick({"SCMP_ACT_ERRNO", "SCMP_ACT_ALLOW", "SCMP_ACT_TRAP"})};
    // Which of two actions wins is another test's matter.
    for (oci::Syscall& other : profile.syscalls)
      if (std::erase(other.names, name)) other.args.clear();
    std::erase_if(profile.syscalls, [](const oci::Syscall& other) { return other.names.empty(); });
    // Where rules with several conditions or with values beyond 32 bits share a call, libseccomp 2.5
    // does not try all of them.
    const bool one_rule = random() % 2;
    for (std::uint64_t rules = one_rule ? 1 : random() % 5; rules > 0; --rules) {
      entry.args = {condition(0, one_rule)};
      if (!multiplexed && one_rule)
        for (std::uint32_t index = 1; index < 3; ++index)
          if (random() % 3 == 0) entry.args.push_back(condition(index, true));
      if (!one_rule && random() % 8 == 0) entry.args.push_back(condition(0, false));
      profile.syscalls.push_back(entry);
    }
  }

  std::vector<std::string> names_;
};

TEST(SeccompFilterAgainstLibseccomp, AgreesOnRandomProfiles) {
  RandomProfiles profiles(20240607);
  int compared = 0;
  for (int i = 0; i < 150 && !HasFailure(); ++i) {
    const oci::Seccomp profile = profiles.make();
    const Machine machine =
        std::array{Machine::X86_64, Machine::X86_64, Machine::Aarch64, Machine::Riscv64}[i % 4];
    SCOPED_TRACE(i);
    compared += Comparison(profile, machine, profiles.random).check();
  }
  EXPECT_GT(compared, 100);
}

// Conditions that overlap, with different actions. For arguments beyond 32 bits libseccomp's order
// changes with the order of the rules.
TEST(SeccompFilterAgainstLibseccomp, AgreesOnWhichConditionIsAskedFirst) {
  std::mt19937_64 random(7);
  int compared = 0;
  for (int i = 0; i < 300 && !HasFailure(); ++i) {
    oci::Seccomp profile = deny_all();
    std::set<std::uint64_t> values;
    while (values.size() < 4) values.insert(random() % 12);
    int next = 0;
    for (const std::uint64_t value : values) {
      const char* ops[] = {"SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_LT", "SCMP_CMP_LE"};
      const char* actions[] = {"SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRAP", "SCMP_ACT_KILL"};
      profile.syscalls.push_back(
          {.names = {"ioctl"},
           .action = actions[next++],
           .args = {{static_cast<std::uint32_t>(random() % 2), value, 0, ops[random() % 5]}}});
    }
    std::ranges::shuffle(profile.syscalls, random);
    profile.architectures = {"SCMP_ARCH_X86"};
    SCOPED_TRACE(i);
    compared += Comparison(profile, Machine::X86_64, random, UINT32_MAX).check();
  }
  std::printf("libseccomp took %d of 300 profiles\n", compared);
  EXPECT_GT(compared, 50);
}

// ---- The kernel

template <class Body>
int status_of_child_under(const oci::Seccomp& profile, Body body) {
  const SeccompFilter filter = MUST(compile_seccomp(profile));
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (!kernel::install_seccomp_filter(filter.program, filter.flags)) ::_exit(100);
    ::_exit(body());
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

TEST(SeccompFilterInTheKernel, DeniesWhatTheDefaultProfileDenies) {
  const int status = status_of_child_under(engine_default_profile(), [] {
    if (::syscall(SYS_getpid) <= 0) return 1;
    if (::syscall(SYS_mount, "x", "/", "x", 0, nullptr) != -1 || errno != EPERM) return 2;
    if (::socket(AF_VSOCK, SOCK_STREAM, 0) != -1 || errno != EPERM) return 3;
    if (::socket(AF_UNIX, SOCK_STREAM, 0) < 0) return 4;
    if (::personality(0xffffffff) < 0) return 5;
    if (::personality(ADDR_NO_RANDOMIZE) != -1 || errno != EPERM) return 6;
    if (::syscall(SYS_clone3, nullptr, 0) != -1 || errno != ENOSYS) return 7;
    if (::syscall(SYS_unshare, 0x10000000) != -1 || errno != EPERM) return 8;
    if (::syscall(5000) != -1 || errno != ENOSYS) return 9;
    return 0;
  });
  EXPECT_TRUE(WIFEXITED(status)) << status;
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(SeccompFilterInTheKernel, KillsByTheActionAsked) {
  const oci::Seccomp profile =
      with(allow_all(),
           {.names = {"getppid"}, .action = "SCMP_ACT_KILL_PROCESS", .args = {{0, 7, 0, "SCMP_CMP_EQ"}}});
  EXPECT_EQ(status_of_child_under(profile, [] { return ::syscall(SYS_getppid, 8) < 0; }), 0);
  const int status =
      status_of_child_under(profile, [] { return static_cast<int>(::syscall(SYS_getppid, 7)); });
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) << status;
}

TEST(SeccompFilterInTheKernel, TakesEveryFlagThatItSupports) {
  oci::Seccomp profile = with(allow_all(), {.names = {"mkdir"}, .action = "SCMP_ACT_NOTIFY"});
  profile.listener_path = "/run/listener";
  const auto supported = supported_seccomp_flags();
  profile.flags.emplace(supported.begin(), supported.end());
  EXPECT_EQ(status_of_child_under(profile, [] { return 0; }), 0);
}

#if defined(__x86_64__)
long i386_getpid() {
  long result = 20;  // __NR_getpid of i386
  asm volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
  return result;
}

TEST(SeccompFilterInTheKernel, GovernsOtherArchitecturesOfTheMachine) {
  const oci::Seccomp native_only = allow_all();
  EXPECT_EQ(status_of_child_under(native_only, [] { return ::syscall(SYS_getpid) > 0 ? 0 : 1; }), 0);
  int status = status_of_child_under(native_only, [] {
    return static_cast<int>(::syscall(static_cast<long>(kernel::kX32Bit) | SYS_getpid));
  });
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) << status;

  oci::Seccomp both =
      with(native_only, {.names = {"getpid"}, .action = "SCMP_ACT_ERRNO", .errno_ret = ENOTTY});
  both.architectures = {"SCMP_ARCH_X86"};
  status = status_of_child_under(both, [] { return i386_getpid() == -ENOTTY ? 0 : 1; });
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV) GTEST_SKIP() << "the kernel runs no 32-bit calls";
  EXPECT_EQ(status, 0);
  status = status_of_child_under(native_only, [] { return static_cast<int>(i386_getpid()); });
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) << status;
}
#endif

}  // namespace
}  // namespace gantry::runtime
