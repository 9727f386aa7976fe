// SPDX-License-Identifier: Apache-2.0
//
// linux.seccomp of a bundle -> the BPF program that the kernel runs at every system call.
//
//   SeccompFilter filter = TRY(compile_seccomp(*spec.linux_.seccomp));
//   UniqueFd listener = TRY(kernel::install_seccomp_filter(filter.program, filter.flags));
//
// A pure function of its arguments: the same profile gives the same program, so programs can be
// kept by the content they were made from. Takes well under 0.1 ms for an engine's default profile.
//
// What a profile means is config-linux.md, "Seccomp", and where that is silent, what runc does:
// - The machine's own architecture is always included. Calls of an architecture that is not listed
//   kill the process. Architectures of other machines are accepted: their calls cannot occur.
// - A rule whose action is the default one says nothing. Of the rules for one call, one without
//   conditions wins over those with some; of several such the first. Otherwise the narrower
//   condition is asked first (see is_asked_before() in seccomp_filter.cc); the same conditions with
//   two actions are an error.
// - An argument that occurs twice in one rule makes each of its conditions a rule of its own.
// - x86, x32 and arm compare the low 32 bits of an argument, all others 64 bits, unsigned.
// - Under a default action that denies, calls with a number above all that the profile names fail
//   with ENOSYS: they are newer than the profile, and programs know how to do without them.
// - Without `flags`, SECCOMP_FILTER_FLAG_SPEC_ALLOW; an empty list of them is none.
//
// Differences from libseccomp, which runc compiles with: on x86, a condition on the arguments of a
// call made through socketcall(2) or ipc(2) is not asked, as those arguments are in memory (libseccomp
// compares registers that mean something else); ipc(2)'s version bits are ignored as the kernel does;
// an unlisted architecture kills the process, not the thread.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "oci/runtime_spec.h"

namespace gantry::runtime {

struct SeccompFilter {
  std::vector<sock_filter> program;
  unsigned flags = 0;       // SECCOMP_FILTER_FLAG_*, for seccomp(2)
  bool has_notify = false;  // NEW_LISTENER is among the flags
  // Names that no architecture has, sorted; their rules are left out.
  std::vector<std::string> unknown_syscalls;
};

// Whose system calls: each with the 32-bit architectures that it runs as well.
enum class Machine : std::uint8_t { X86_64, Aarch64, Riscv64 };

#if defined(__x86_64__)
inline constexpr Machine kThisMachine = Machine::X86_64;
#elif defined(__aarch64__)
inline constexpr Machine kThisMachine = Machine::Aarch64;
#elif defined(__riscv) && __riscv_xlen == 64
inline constexpr Machine kThisMachine = Machine::Riscv64;
#else
#error "seccomp_filter.cc does not know the system calls of this machine"
#endif

// An error names the field: "linux.seccomp.syscalls[3].action: unknown action 'X'".
Result<SeccompFilter> compile_seccomp(const oci::Seccomp& seccomp, Machine machine = kThisMachine);

// Those flags of the specification that the running kernel has, for `features`.
std::vector<std::string_view> supported_seccomp_flags();

}  // namespace gantry::runtime
