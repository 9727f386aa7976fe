// SPDX-License-Identifier: Apache-2.0
//
// What processes of pods and of their containers may do, and as whom they run.
#include <algorithm>

#include <fmt/format.h>

#include "base/split.h"
#include "kube/rules/checks.h"
#include "kube/rules/pod_spec.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::string_view kGroupChanges[] = {"Always", "OnRootMismatch"};
constexpr std::string_view kGroupPolicies[] = {"Merge", "Strict"};
constexpr std::string_view kLabelChanges[] = {"Recursive"};
constexpr std::string_view kProcMounts[] = {"Default", "Unmasked"};
constexpr std::size_t kSysctlSize = 253;

void identity(const Spot& number) { within(number, 0, INT32_MAX); }

// ---- Settings of the kernel (sysctl.d(5))

bool is_edge(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool is_sysctl_part(std::string_view part) {
  return !part.empty() && is_edge(part.front()) && is_edge(part.back()) &&
         std::ranges::all_of(part, [](char c) { return is_edge(c) || c == '-' || c == '_'; });
}

// Its parts stand between dots or slashes.
bool is_sysctl(std::string name) {
  std::ranges::replace(name, '/', '.');
  return name.size() <= kSysctlSize && std::ranges::all_of(split(name, '.'), is_sysctl_part);
}

// With dots between its parts: where slashes stand, dots are part of a name.
std::string dotted(std::string_view name) {
  std::string text(name);
  const std::size_t first = text.find_first_of("./");
  if (first == std::string::npos || text[first] == '.') return text;
  for (char& c : text) c = c == '/' ? '.' : c == '.' ? '/' : c;
  return text;
}

bool is_of_ipc(std::string_view name) {
  return name == "kernel.sem" || name.starts_with("kernel.shm") || name.starts_with("kernel.msg") ||
         name.starts_with("fs.mqueue.");
}

void sysctls(const Spot& sysctls, const Spot& spec) {
  Names names;
  sysctls.each([&](const Spot& sysctl) {
    const Spot name = sysctl["name"];
    const std::string text = dotted(name.text());
    if (name.text().empty())
      name.required();
    else if (!is_sysctl(std::string(name.text())))
      name.invalid(fmt::format("must have at most {} characters and match regex {}", kSysctlSize,
                               R"(^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$)"));
    else if (!names.insert(name.text()).second)
      name.duplicate();
    if (spec["hostNetwork"].flag() && text.starts_with("net."))
      name.invalid("may not be specified when 'hostNetwork' is true");
    if (spec["hostIPC"].flag() && is_of_ipc(text))
      name.invalid("may not be specified when 'hostIPC' is true");
  });
}

// ---- Of containers

// Without a new privilege there is none at all.
void escalation(const Spot& security) {
  const Spot escalation = security["allowPrivilegeEscalation"];
  if (!escalation.is_set() || escalation.flag()) return;
  if (security["privileged"].flag())
    security.invalid("cannot set `allowPrivilegeEscalation` to false and `privileged` to true");
  for (const Tree& capability : security["capabilities"]["add"].value().array())
    if (capability.as_string() == "CAP_SYS_ADMIN")
      security.invalid("cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN");
}

}  // namespace

void pod_security(const Spot& spec) {
  const Spot security = spec["securityContext"];
  identity(security["fsGroup"]);
  identity(security["runAsUser"]);
  identity(security["runAsGroup"]);
  security["supplementalGroups"].each(identity);
  // Kubernetes says it of the security context, of which the field was once part.
  if (spec["shareProcessNamespace"].flag() && spec["hostPID"].flag())
    security["shareProcessNamespace"].invalid(Tree(true),
                                              "ShareProcessNamespace and HostPID cannot both be enabled");
  sysctls(security["sysctls"], spec);
  one_of_if_set(security["fsGroupChangePolicy"], kGroupChanges);
  seccomp_profile(security["seccompProfile"]);
  windows_options(security["windowsOptions"]);
  app_armor_profile(security["appArmorProfile"]);
  one_of_if_set(security["supplementalGroupsPolicy"], kGroupPolicies);
  one_of_if_set(security["seLinuxChangePolicy"], kLabelChanges);
}

void container_security(const Spot& security, bool has_users_of_host) {
  identity(security["runAsUser"]);
  identity(security["runAsGroup"]);
  const Spot mount = security["procMount"];
  one_of_if_set(mount, kProcMounts);
  if (has_users_of_host && mount.text() == "Unmasked")
    mount.invalid("`hostUsers` must be false to use `Unmasked`");
  seccomp_profile(security["seccompProfile"]);
  escalation(security);
  windows_options(security["windowsOptions"]);
  app_armor_profile(security["appArmorProfile"]);
}

// Users of a pod that are not the host's are not those of its other parts, either.
void own_users(const Spot& spec) {
  if (has_users_of_host(spec)) return;
  constexpr std::string_view kWhy = "when `hostUsers` is false";
  if (spec["hostNetwork"].flag()) spec["hostNetwork"].forbidden(kWhy);
  // As Kubernetes writes them.
  if (spec["hostPID"].flag()) spec["HostPID"].forbidden(kWhy);
  if (spec["hostIPC"].flag()) spec["HostIPC"].forbidden(kWhy);
  each_container(spec, [&](const Spot& container) {
    if (container["volumeDevices"].size() > 0) container["volumeDevices"].forbidden(kWhy);
  });
}

}  // namespace gantry::kube::rules
