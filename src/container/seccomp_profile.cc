// SPDX-License-Identifier: Apache-2.0
#include "container/seccomp_profile.h"

#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/json_codec.h"
#include "base/printable.h"

namespace gantry::container {

using enum json::Presence;

static void fields(json::Fields& f, SeccompCondition& condition) {
  f("caps", condition.capabilities);
  f("arches", condition.machines);
  f("minKernel", condition.min_kernel);
}

static void fields(json::Fields& f, SeccompMachine& machine) {
  f("architecture", machine.architecture, Required);
  f("subArchitectures", machine.sub_architectures);
}

namespace {

// A rule as it stands in the file.
struct FileArgument {
  std::uint32_t index = 0;
  std::uint64_t value = 0;
  std::uint64_t value_two = 0;
  std::string op;
};

struct FileRule {
  std::string name;  // before there was `names`
  std::vector<std::string> names;
  std::string action;
  std::optional<std::uint32_t> errno_ret;
  std::vector<FileArgument> args;
  SeccompCondition includes;
  SeccompCondition excludes;
};

struct FileProfile : SeccompProfile {
  std::vector<FileRule> syscalls;
};

void fields(json::Fields& f, FileArgument& argument) {
  f("index", argument.index, Required);
  f("value", argument.value, Required);
  f("valueTwo", argument.value_two);
  f("op", argument.op, Required);
}

void fields(json::Fields& f, FileRule& rule) {
  f("name", rule.name);
  f("names", rule.names);
  f("action", rule.action, Required);
  f("errnoRet", rule.errno_ret);
  f("args", rule.args);
  f("includes", rule.includes);
  f("excludes", rule.excludes);
}

void fields(json::Fields& f, FileProfile& profile) {
  f("defaultAction", profile.default_action, Required);
  f("defaultErrnoRet", profile.default_errno_ret);
  f("architectures", profile.architectures);
  f("archMap", profile.machines);
  f("flags", profile.flags);
  f("listenerPath", profile.listener_path);
  f("listenerMetadata", profile.listener_metadata);
  f("syscalls", profile.syscalls);
}

Result<SeccompRule> make_rule(FileRule&& file, std::size_t index) {
  if (!file.name.empty() && !file.names.empty())
    return error(Code::InvalidArgument, "syscalls[{}]: has both 'name' and 'names'", index);
  if (!file.name.empty()) file.names.push_back(std::move(file.name));
  for (const SeccompCondition* condition : {&file.includes, &file.excludes})
    if (!condition->min_kernel.empty())
      TRY_DURING(KernelVersion::parse(condition->min_kernel), "syscalls[{}].minKernel", index);
  SeccompRule rule{.includes = std::move(file.includes), .excludes = std::move(file.excludes)};
  rule.rule.names = std::move(file.names);
  rule.rule.action = std::move(file.action);
  rule.rule.errno_ret = file.errno_ret;
  for (FileArgument& argument : file.args)
    rule.rule.args.push_back({argument.index, argument.value, argument.value_two, std::move(argument.op)});
  return rule;
}

// ---- resolving

struct MachineName {
  std::string_view go;
  std::string_view seccomp;
};
constexpr MachineName kMachines[] = {
    {"amd64", "SCMP_ARCH_X86_64"}, {"arm64", "SCMP_ARCH_AARCH64"}, {"riscv64", "SCMP_ARCH_RISCV64"}};

bool contains(const std::vector<std::string>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

bool holds(const SeccompRule& rule, const SeccompContext& context) {
  const auto has = [&](const std::string& capability) { return contains(context.capabilities, capability); };
  // Both were read before.
  const auto is_new_enough = [&](const std::string& version) {
    return context.kernel >= KernelVersion::parse(version).value_or(KernelVersion{});
  };
  const SeccompCondition &includes = rule.includes, &excludes = rule.excludes;
  if (std::ranges::any_of(excludes.capabilities, has)) return false;
  if (contains(excludes.machines, context.machine)) return false;
  if (!excludes.min_kernel.empty() && is_new_enough(excludes.min_kernel)) return false;
  if (!std::ranges::all_of(includes.capabilities, has)) return false;
  if (!includes.machines.empty() && !contains(includes.machines, context.machine)) return false;
  return includes.min_kernel.empty() || is_new_enough(includes.min_kernel);
}

// Of `archMap` what stands for this machine.
std::vector<std::string> architectures_of(const SeccompProfile& profile, std::string_view machine) {
  std::vector<std::string> architectures = profile.architectures;
  const auto* name = std::ranges::find(kMachines, machine, &MachineName::go);
  for (const SeccompMachine& one : profile.machines) {
    if (name == std::end(kMachines) || one.architecture != name->seccomp) continue;
    architectures.push_back(one.architecture);
    architectures.insert(architectures.end(), one.sub_architectures.begin(), one.sub_architectures.end());
    break;
  }
  return architectures;
}

}  // namespace

Result<KernelVersion> KernelVersion::parse(std::string_view text) {
  KernelVersion version;
  const char* end = text.data() + text.size();
  const auto major = std::from_chars(text.data(), end, version.major);
  if (major.ec == std::errc() && major.ptr != end && *major.ptr == '.' &&
      std::from_chars(major.ptr + 1, end, version.minor).ec == std::errc())
    return version;
  return error(Code::InvalidArgument, "'{}' is not a kernel's version", printable(text));
}

Result<KernelVersion> KernelVersion::running() {
  utsname names{};
  if (::uname(&names) < 0) return sys_error("ask for the kernel's version");
  return parse(names.release);
}

Result<SeccompProfile> parse_seccomp_profile(std::string_view json) {
  const json::Document document =
      TRY(json::Document::parse(std::string(json), {.bytes = kMaxProfileBytes, .depth = 16}));
  auto file = TRY(json::decode<FileProfile>(document.root()));
  if (!file.architectures.empty() && !file.machines.empty())
    return error(Code::InvalidArgument, "has both 'architectures' and 'archMap'");
  SeccompProfile& profile = file;
  for (std::size_t i = 0; i < file.syscalls.size(); ++i)
    profile.rules.push_back(TRY(make_rule(std::move(file.syscalls[i]), i)));
  return std::move(profile);
}

oci::Seccomp resolve(const SeccompProfile& profile, const SeccompContext& context) {
  oci::Seccomp resolved{.default_action = profile.default_action,
                        .default_errno_ret = profile.default_errno_ret,
                        .architectures = architectures_of(profile, context.machine),
                        .flags = profile.flags,
                        .listener_path = profile.listener_path,
                        .listener_metadata = profile.listener_metadata};
  for (const SeccompRule& rule : profile.rules)
    if (holds(rule, context)) resolved.syscalls.push_back(rule.rule);
  return resolved;
}

}  // namespace gantry::container
