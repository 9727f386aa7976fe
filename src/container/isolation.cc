// SPDX-License-Identifier: Apache-2.0
#include "container/isolation.h"

#include <algorithm>

#include "base/printable.h"
#include "kernel/capabilities.h"

namespace gantry::container {
namespace {

using kernel::CapabilityMask;

std::string upper_case(std::string_view text) {
  std::string upper(text);
  for (char& c : upper)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return upper;
}

// CapAdd or CapDrop.
struct CapabilityWords {
  bool all = false;
  CapabilityMask named = 0;
};

Result<CapabilityWords> parse_capabilities(const std::vector<std::string>& words, std::string_view field) {
  CapabilityWords parsed;
  for (const std::string& word : words) {
    std::string name = upper_case(word);
    if (name == "ALL") {
      parsed.all = true;
      continue;
    }
    if (!name.starts_with("CAP_")) name.insert(0, "CAP_");
    const auto number = kernel::capability_number(name);
    if (!number)
      return error(Code::InvalidArgument, "invalid {}: unknown capability: \"{}\"", field, printable(name));
    parsed.named |= kernel::capability_bit(*number);
  }
  return parsed;
}

CapabilityMask mask_of(const std::vector<std::string>& names) {
  CapabilityMask mask = 0;
  for (const std::string& name : names)
    if (const auto number = kernel::capability_number(name)) mask |= kernel::capability_bit(*number);
  return mask;
}

std::vector<std::string> capabilities_in(std::vector<std::string> names, CapabilityMask mask) {
  std::erase_if(names, [&](const std::string& name) { return (mask_of({name}) & mask) == 0; });
  return names;
}

// "name=value", or "name:value" as Docker had it before 1.11; nothing for an option without a value.
std::optional<std::pair<std::string, std::string>> split_option(const std::string& option) {
  std::size_t separator = option.find('=');
  if (separator == option.npos) separator = option.find(':');
  if (separator == option.npos) return std::nullopt;
  return std::pair(option.substr(0, separator), option.substr(separator + 1));
}

Error invalid_option(const std::string& option) {
  return error(Code::InvalidArgument, "invalid --security-opt: \"{}\"", printable(option, 200));
}

Result<bool> parse_flag(const std::string& value, const std::string& option) {
  if (value == "true" || value == "1") return true;
  if (value == "false" || value == "0") return false;
  return invalid_option(option);
}

}  // namespace

const std::vector<std::string>& default_capabilities() {
  static const std::vector<std::string> names = {
      "CAP_CHOWN",      "CAP_DAC_OVERRIDE", "CAP_FOWNER",      "CAP_FSETID",           "CAP_KILL",
      "CAP_SETGID",     "CAP_SETUID",       "CAP_SETPCAP",     "CAP_NET_BIND_SERVICE", "CAP_NET_RAW",
      "CAP_SYS_CHROOT", "CAP_MKNOD",        "CAP_AUDIT_WRITE", "CAP_SETFCAP"};
  return names;
}

std::vector<std::string> available_capabilities() {
  const std::vector<std::string> known = kernel::known_capabilities();
  return capabilities_in(known, kernel::bounding_set(mask_of(known)));
}

Result<std::vector<std::string>> capabilities_of(const HostConfig& host) {
  const CapabilityWords add = TRY(parse_capabilities(host.cap_add, "CapAdd"));
  const CapabilityWords drop = TRY(parse_capabilities(host.cap_drop, "CapDrop"));
  if (host.privileged) return available_capabilities();
  if (add.all) return capabilities_in(available_capabilities(), ~drop.named);
  const CapabilityMask kept = drop.all ? 0 : mask_of(default_capabilities()) & ~drop.named;
  // One that was asked for by name and cannot be given is the runtime's to tell, not ours to leave out.
  return capabilities_in(kernel::known_capabilities(), kept | add.named);
}

oci::Capabilities capability_sets(const std::vector<std::string>& names, bool is_root) {
  oci::Capabilities sets{.bounding = names};
  if (is_root) sets.permitted = sets.effective = names;
  return sets;
}

const std::vector<std::string>& default_masked_paths() {
  static const std::vector<std::string> paths = {"/proc/acpi",
                                                 "/proc/asound",
                                                 "/proc/interrupts",
                                                 "/proc/kcore",
                                                 "/proc/keys",
                                                 "/proc/latency_stats",
                                                 "/proc/sched_debug",
                                                 "/proc/scsi",
                                                 "/proc/timer_list",
                                                 "/proc/timer_stats",
                                                 "/sys/devices/virtual/powercap",
                                                 "/sys/firmware"};
  return paths;
}

const std::vector<std::string>& default_readonly_paths() {
  static const std::vector<std::string> paths = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                                 "/proc/sysrq-trigger"};
  return paths;
}

Result<SecurityOptions> parse_security_options(const std::vector<std::string>& options,
                                               bool no_new_privileges) {
  SecurityOptions parsed{.no_new_privileges = no_new_privileges};
  for (const std::string& option : options) {
    if (option == "no-new-privileges") {
      parsed.no_new_privileges = true;
      continue;
    }
    const auto split = split_option(option);
    if (!split) return invalid_option(option);
    const auto& [name, value] = *split;
    if (name == "no-new-privileges")
      parsed.no_new_privileges = TRY(parse_flag(value, option));
    else if (name == "seccomp")
      parsed.seccomp = value;
    else if (name == "apparmor")
      parsed.apparmor = value;
    else if (name == "label" && value == "disable")
      parsed.is_label_disabled = true;
    else if (name == "label")
      parsed.labels.push_back(value);
    else if (name == "systempaths" && value == "unconfined")
      parsed.has_unconfined_paths = true;
    else if (name == "writable-cgroups")
      parsed.has_writable_cgroups = TRY(parse_flag(value, option));
    else
      return invalid_option(option);
  }
  return parsed;
}

}  // namespace gantry::container
