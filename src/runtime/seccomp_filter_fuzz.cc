// SPDX-License-Identifier: Apache-2.0
//
// Any profile is either refused in one line or becomes a program that the kernel would take and that
// answers every call with the action of a rule that holds for it.
#include <fuzzer/FuzzedDataProvider.h>
#include <linux/audit.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kernel/syscall_table.h"
#include "oci/runtime_spec.h"
#include "oci/words.h"
#include "runtime/seccomp_filter.h"
#include "runtime/seccomp_interpreter.h"

namespace gantry::runtime {
namespace {

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

// One of the known words, rarely something else.
std::string word(FuzzedDataProvider& data, std::span<const std::string_view> known) {
  const std::size_t index = data.ConsumeIntegralInRange<std::size_t>(0, known.size() * 8);
  return index == 0 ? data.ConsumeRandomLengthString(12) : std::string(known[index % known.size()]);
}

std::string syscall_name(FuzzedDataProvider& data) {
  const std::size_t count = kernel::syscall_count();
  const std::size_t index = data.ConsumeIntegralInRange<std::size_t>(0, count);
  return index == count ? data.ConsumeRandomLengthString(12)
                        : std::string(kernel::syscall_name(kernel::syscall_at(index)));
}

std::uint64_t value(FuzzedDataProvider& data) {
  return data.ConsumeBool() ? data.ConsumeIntegralInRange<std::uint64_t>(0, 8)
                            : data.ConsumeIntegral<std::uint64_t>();
}

oci::Seccomp profile_of(FuzzedDataProvider& data) {
  oci::Seccomp profile;
  profile.default_action = word(data, oci::kSeccompActions);
  if (data.ConsumeBool()) profile.default_errno_ret = data.ConsumeIntegral<std::uint16_t>();
  if (data.ConsumeBool()) profile.listener_path = "/listener";
  while (data.ConsumeBool()) profile.architectures.push_back(word(data, oci::kSeccompArchitectures));
  if (data.ConsumeBool()) profile.flags.emplace();
  while (profile.flags && data.ConsumeBool()) profile.flags->push_back(word(data, oci::kSeccompFlags));
  while (data.remaining_bytes() > 64) {
    oci::Syscall entry{.action = word(data, oci::kSeccompActions)};
    for (int i = data.ConsumeIntegralInRange(1, 8); i > 0; --i) entry.names.push_back(syscall_name(data));
    if (data.ConsumeIntegralInRange(0, 7) == 0) entry.errno_ret = data.ConsumeIntegral<std::uint16_t>();
    for (int i = data.ConsumeIntegralInRange(0, 3); i > 0; --i)
      entry.args.push_back({data.ConsumeIntegralInRange<std::uint32_t>(0, 6), value(data), value(data),
                            word(data, oci::kSeccompOperators)});
    profile.syscalls.push_back(std::move(entry));
  }
  return profile;
}

std::uint32_t action_of(const std::string& name, const std::optional<std::uint32_t>& errno_ret) {
  const std::uint32_t data = errno_ret.value_or(EPERM);
  if (name == "SCMP_ACT_ALLOW") return SECCOMP_RET_ALLOW;
  if (name == "SCMP_ACT_ERRNO") return SECCOMP_RET_ERRNO | data;
  if (name == "SCMP_ACT_KILL_PROCESS") return SECCOMP_RET_KILL_PROCESS;
  if (name == "SCMP_ACT_LOG") return SECCOMP_RET_LOG;
  if (name == "SCMP_ACT_NOTIFY") return SECCOMP_RET_USER_NOTIF;
  if (name == "SCMP_ACT_TRACE") return SECCOMP_RET_TRACE | data;
  if (name == "SCMP_ACT_TRAP") return SECCOMP_RET_TRAP;
  return SECCOMP_RET_KILL_THREAD;
}

bool holds(const oci::SyscallArg& condition, const seccomp_data& call) {
  const std::uint64_t argument = call.args[condition.index];
  if (condition.op == "SCMP_CMP_EQ") return argument == condition.value;
  if (condition.op == "SCMP_CMP_NE") return argument != condition.value;
  if (condition.op == "SCMP_CMP_LT") return argument < condition.value;
  if (condition.op == "SCMP_CMP_LE") return argument <= condition.value;
  if (condition.op == "SCMP_CMP_GT") return argument > condition.value;
  if (condition.op == "SCMP_CMP_GE") return argument >= condition.value;
  return (argument & condition.value) == (condition.value_two & condition.value);
}

// Of an entry's conditions, those on an argument that has several are alternatives.
bool holds(const oci::Syscall& entry, const seccomp_data& call) {
  std::size_t holding = 0;
  unsigned seen = 0;
  bool alternatives = false;
  for (const oci::SyscallArg& condition : entry.args) {
    holding += holds(condition, call);
    alternatives |= seen >> condition.index & 1;
    seen |= 1u << condition.index;
  }
  return alternatives ? holding > 0 : holding == entry.args.size();
}

// A call of x86_64.
void check_answer(const oci::Seccomp& profile, const seccomp_data& call, std::uint32_t answer) {
  const std::uint32_t default_action = action_of(profile.default_action, profile.default_errno_ret);
  bool any_holds = false;
  for (const oci::Syscall& entry : profile.syscalls) {
    const std::uint32_t action = action_of(entry.action, entry.errno_ret);
    if (action == default_action || !holds(entry, call)) continue;
    for (const std::string& name : entry.names) {
      const kernel::SyscallEntry* known = kernel::find_syscall(name);
      if (!known || known->number(kernel::SyscallArch::X86_64) != call.nr) continue;
      if (answer == action) return;
      any_holds = true;
    }
  }
  if (any_holds) fail("the answer is no holding rule's");
  if (answer != default_action && answer != (SECCOMP_RET_ERRNO | ENOSYS)) fail("the answer is nobody's");
}

}  // namespace
}  // namespace gantry::runtime

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace gantry;
  using namespace gantry::runtime;
  FuzzedDataProvider data(bytes, size);
  const Machine machine = data.PickValueInArray({Machine::X86_64, Machine::Aarch64, Machine::Riscv64});
  const oci::Seccomp profile = profile_of(data);
  const Result<SeccompFilter> filter = compile_seccomp(profile, machine);
  if (!filter) {
    if (filter.error().code() != Code::InvalidArgument) fail("a code that does not blame the profile");
    return 0;
  }
  if (const char* fault = fault_of(filter->program)) fail(fault);

  for (std::uint32_t number = 0; number < 480; ++number) {
    seccomp_data call{.nr = static_cast<int>(number), .arch = AUDIT_ARCH_X86_64};
    for (auto& argument : call.args) argument = value(data);
    const std::uint32_t answer = run(filter->program, call).action;
    if (machine == Machine::X86_64) check_answer(profile, call, answer);
    call.nr |= static_cast<int>(kernel::kX32Bit);
    (void)run(filter->program, call);
    call.arch = AUDIT_ARCH_I386;
    (void)run(filter->program, call);
  }
  return 0;
}
