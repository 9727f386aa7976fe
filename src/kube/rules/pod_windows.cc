// SPDX-License-Identifier: Apache-2.0
//
// What pods say for nodes with Windows, and what they cannot say for nodes with one system or the other.
#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "base/split.h"
#include "kube/rules/checks.h"
#include "kube/rules/pod_spec.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::string_view kSystems[] = {"linux", "windows"};
constexpr std::size_t kCredentialSize = 64 << 10;
constexpr std::size_t kDomainSize = 256;  // is too much
constexpr std::size_t kNetBiosSize = 15;
constexpr std::size_t kDomainLabelSize = 63;
constexpr std::size_t kUserSize = 104;

// ---- "DOMAIN\user"

bool is_control(char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }
bool is_letter_or_digit(char c) { return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '0' && c <= '9'); }

bool is_net_bios(std::string_view domain) {
  return !domain.empty() && domain.size() <= kNetBiosSize && domain.front() != '.' &&
         domain.find_first_of(R"(\/:*?"<>|)") == std::string_view::npos;
}

bool is_domain_label(std::string_view label) {
  return !label.empty() && label.size() <= kDomainLabelSize && is_letter_or_digit(label.front()) &&
         is_letter_or_digit(label.back()) &&
         std::ranges::all_of(label, [](char c) { return is_letter_or_digit(c) || c == '-'; });
}

bool is_dns_domain(std::string_view domain) {
  return std::ranges::all_of(split(domain, '.'), is_domain_label);
}

void domain_of_user(const Spot& name, std::string_view domain) {
  if (domain.size() >= kDomainSize)
    name.invalid(fmt::format("runAsUserName's Domain length must be under {} characters", kDomainSize));
  if (!is_net_bios(domain) && !is_dns_domain(domain))
    name.invalid("runAsUserName's Domain doesn't match the NetBios nor the DNS format");
}

void user_in_domain(const Spot& name, std::string_view user) {
  constexpr std::string_view kUnfit = R"("/\:;|=,+*?<>@[])";
  if (user.empty()) return name.invalid("runAsUserName's User cannot be empty");
  if (user.size() > kUserSize)
    name.invalid(fmt::format("runAsUserName's User length must not be longer than {} characters", kUserSize));
  if (user.find_first_not_of(". ") == std::string_view::npos)
    name.invalid("runAsUserName's User cannot contain only periods or spaces");
  if (user.find_first_of(kUnfit) != std::string_view::npos)
    name.invalid(fmt::format("runAsUserName's User cannot contain the following characters: {}", kUnfit));
}

void user_name(const Spot& name) {
  if (!name.is_set()) return;
  if (name.text().empty()) return name.invalid("runAsUserName cannot be an empty string");
  if (std::ranges::any_of(name.text(), is_control))
    return name.invalid("runAsUserName cannot contain control characters");
  const auto parts = split(name.text(), '\\');
  if (parts.size() > 2) return name.invalid("runAsUserName cannot contain more than one backslash");
  if (parts.size() == 2) domain_of_user(name, parts.front());
  user_in_domain(name, parts.back());
}

void credential(const Spot& credential) {
  if (!credential.is_set()) return;
  if (credential.text().empty()) credential.invalid("gmsaCredentialSpec cannot be an empty string");
  if (credential.text().size() > kCredentialSize)
    credential.invalid(fmt::format("gmsaCredentialSpec size must be under {} KiB", kCredentialSize >> 10));
}

// ---- One system or the other

constexpr const char* kOfLinuxPods[] = {"appArmorProfile", "seLinuxOptions"};
constexpr const char* kOfLinuxPodsToo[] = {"seccompProfile", "fsGroup", "fsGroupChangePolicy", "sysctls"};
constexpr const char* kOfLinuxUsers[] = {"runAsUser", "runAsGroup", "supplementalGroups",
                                         "supplementalGroupsPolicy", "seLinuxChangePolicy"};
constexpr const char* kOfLinuxContainers[] = {
    "appArmorProfile", "seLinuxOptions",           "seccompProfile", "capabilities", "readOnlyRootFilesystem",
    "privileged",      "allowPrivilegeEscalation", "procMount",      "runAsUser",    "runAsGroup"};

void not_on_windows(const Spot& object, std::span<const char* const> fields) {
  for (const char* field : fields)
    if (object[field].is_set()) object[field].forbidden("cannot be set for a windows pod");
}

void windows_pod(const Spot& spec) {
  const Spot security = spec["securityContext"];
  not_on_windows(security, kOfLinuxPods);
  constexpr const char* kUsers[] = {"hostUsers"};
  not_on_windows(spec, kUsers);
  for (const char* field : {"hostPID", "hostIPC"})
    if (spec[field].flag()) spec[field].forbidden("cannot be set for a windows pod");
  not_on_windows(security, kOfLinuxPodsToo);
  constexpr const char* kProcesses[] = {"shareProcessNamespace"};
  not_on_windows(spec, kProcesses);
  not_on_windows(security, kOfLinuxUsers);
  each_container(
      spec, [](const Spot& container) { not_on_windows(container["securityContext"], kOfLinuxContainers); });
}

void linux_pod(const Spot& spec) {
  const auto check = [](const Spot& security) {
    if (security["windowsOptions"].is_set())
      security["windowsOptions"].forbidden("windows options cannot be set for a linux pod");
  };
  check(spec["securityContext"]);
  each_container(spec, [&](const Spot& container) { check(container["securityContext"]); });
}

}  // namespace

void windows_options(const Spot& options) {
  const Spot name = options["gmsaCredentialSpecName"];
  if (name.is_set()) name.invalid_for(dns_subdomain_faults(name.text()));
  credential(options["gmsaCredentialSpec"]);
  user_name(options["runAsUserName"]);
}

void host_processes(const Spot& spec) {
  const Spot of_pod = spec["securityContext"]["windowsOptions"]["hostProcess"];
  std::size_t containers = 0, of_host = 0;
  each_container(spec, [&](const Spot& container) {
    const Spot own = container["securityContext"]["windowsOptions"]["hostProcess"];
    if (own.is_set() && of_pod.is_set() && own.flag() != of_pod.flag())
      own.invalid(fmt::format("pod hostProcess value must be identical if both are specified, was {}",
                              of_pod.flag()));
    ++containers;
    of_host += own.is_set() ? own.flag() : of_pod.flag();
  });
  if (of_host == 0) return;
  if (of_host != containers)
    spec.invalid(
        Tree(""),
        "If pod contains any hostProcess containers then all containers must be HostProcess containers");
  if (!spec["hostNetwork"].flag())
    spec["hostNetwork"].invalid(Tree(false),
                                "hostNetwork must be true if pod contains any hostProcess containers");
}

void operating_system(const Spot& spec) {
  const Spot os = spec["os"];
  if (!os.is_set()) return;
  const Spot name = os["name"];
  if (name.text().empty()) return name.required();
  if (name.text() == "linux") return linux_pod(spec);
  if (name.text() == "windows") return windows_pod(spec);
  os.not_supported(name.value(), kSystems);
}

}  // namespace gantry::kube::rules
