// SPDX-License-Identifier: Apache-2.0
//
// Which system calls a container may make. A profile is a list of rules, some of which only hold with (or
// without) capabilities, on some machines, or from some kernel on; resolving it for one container gives what
// the runtime understands. Profiles are those of `--security-opt seccomp=FILE` in Docker's format, and ours.
//
//   SeccompProfile profile = TRY(parse_seccomp_profile(text));     // or default_seccomp_profile()
//   const KernelVersion kernel = TRY(KernelVersion::running());
//   spec.linux_.seccomp = resolve(profile, {.capabilities = names, .kernel = kernel});
//
// Format: https://docs.docker.com/engine/security/seccomp/ and the profile types of
// https://pkg.go.dev/github.com/moby/profiles/seccomp
#pragma once

#include <compare>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "oci/runtime_spec.h"

namespace gantry::container {

struct KernelVersion {
  unsigned major = 0;
  unsigned minor = 0;
  auto operator<=>(const KernelVersion&) const = default;

  // "5.10", "6.1.0-44-amd64"; what stands behind the second number is not looked at.
  static Result<KernelVersion> parse(std::string_view text);
  static Result<KernelVersion> running();
};

// When a rule holds; what is empty is not asked.
struct SeccompCondition {
  std::vector<std::string> capabilities;
  std::vector<std::string> machines;  // key "arches", in Go's names: "amd64", "arm64", "x86"
  std::string min_kernel;             // "4.8"
};

struct SeccompRule {
  oci::Syscall rule;
  SeccompCondition includes;  // all of its capabilities, one of its machines
  SeccompCondition excludes;  // none of either
};

// An architecture of the kernel, and those whose programs it runs as well: "SCMP_ARCH_X86_64".
struct SeccompMachine {
  std::string architecture;
  std::vector<std::string> sub_architectures;
};

struct SeccompProfile {
  std::string default_action;
  std::optional<std::uint32_t> default_errno_ret;
  std::vector<std::string> architectures;  // either these...
  std::vector<SeccompMachine> machines;    // ...or these, key "archMap"
  std::optional<std::vector<std::string>> flags;
  std::string listener_path;
  std::string listener_metadata;
  std::vector<SeccompRule> rules;
};

inline constexpr std::size_t kMaxProfileBytes = 1 << 20;

// InvalidArgument names the field. Names of calls and words of actions are the runtime's to judge.
Result<SeccompProfile> parse_seccomp_profile(std::string_view json);

// What containers get without asking.
const SeccompProfile& default_seccomp_profile();

struct SeccompContext {
  const std::vector<std::string>& capabilities;  // of the container: "CAP_SYS_ADMIN"
  KernelVersion kernel;
  // Of the kernel, as Go names it; "amd64" also runs programs of "x86" and "x32".
  std::string_view machine = kThisMachine;

#if defined(__x86_64__)
  static constexpr std::string_view kThisMachine = "amd64";
#elif defined(__aarch64__)
  static constexpr std::string_view kThisMachine = "arm64";
#elif defined(__riscv)
  static constexpr std::string_view kThisMachine = "riscv64";
#else
#error "what does Go call this machine?"
#endif
};

oci::Seccomp resolve(const SeccompProfile& profile, const SeccompContext& context);

}  // namespace gantry::container
