// SPDX-License-Identifier: Apache-2.0
#include "kernel/capabilities.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstddef>

namespace gantry::kernel {
namespace {

// By number, from linux/capability.h.
constexpr std::array<std::string_view, 41> kNames = {"CAP_CHOWN",
                                                     "CAP_DAC_OVERRIDE",
                                                     "CAP_DAC_READ_SEARCH",
                                                     "CAP_FOWNER",
                                                     "CAP_FSETID",
                                                     "CAP_KILL",
                                                     "CAP_SETGID",
                                                     "CAP_SETUID",
                                                     "CAP_SETPCAP",
                                                     "CAP_LINUX_IMMUTABLE",
                                                     "CAP_NET_BIND_SERVICE",
                                                     "CAP_NET_BROADCAST",
                                                     "CAP_NET_ADMIN",
                                                     "CAP_NET_RAW",
                                                     "CAP_IPC_LOCK",
                                                     "CAP_IPC_OWNER",
                                                     "CAP_SYS_MODULE",
                                                     "CAP_SYS_RAWIO",
                                                     "CAP_SYS_CHROOT",
                                                     "CAP_SYS_PTRACE",
                                                     "CAP_SYS_PACCT",
                                                     "CAP_SYS_ADMIN",
                                                     "CAP_SYS_BOOT",
                                                     "CAP_SYS_NICE",
                                                     "CAP_SYS_RESOURCE",
                                                     "CAP_SYS_TIME",
                                                     "CAP_SYS_TTY_CONFIG",
                                                     "CAP_MKNOD",
                                                     "CAP_LEASE",
                                                     "CAP_AUDIT_WRITE",
                                                     "CAP_AUDIT_CONTROL",
                                                     "CAP_SETFCAP",
                                                     "CAP_MAC_OVERRIDE",
                                                     "CAP_MAC_ADMIN",
                                                     "CAP_SYSLOG",
                                                     "CAP_WAKE_ALARM",
                                                     "CAP_BLOCK_SUSPEND",
                                                     "CAP_AUDIT_READ",
                                                     "CAP_PERFMON",
                                                     "CAP_BPF",
                                                     "CAP_CHECKPOINT_RESTORE"};
static_assert(kNames[CAP_CHECKPOINT_RESTORE] == "CAP_CHECKPOINT_RESTORE");
static_assert(kNames[CAP_SYS_ADMIN] == "CAP_SYS_ADMIN");

bool is_known_to_kernel(unsigned number) { return ::prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0; }

}  // namespace

std::optional<unsigned> capability_number(std::string_view name) {
  for (unsigned i = 0; i < kNames.size(); ++i)
    if (kNames[i] == name) return i;
  return std::nullopt;
}

std::string_view capability_name(unsigned number) { return number < kNames.size() ? kNames[number] : "?"; }

std::vector<std::string> known_capabilities() {
  std::vector<std::string> names;
  for (unsigned i = 0; i < kNames.size(); ++i)
    if (is_known_to_kernel(i)) names.emplace_back(kNames[i]);
  return names;
}

Result<CapabilityMask> effective_capabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  if (::syscall(SYS_capget, &header, data) < 0) return sys_error("read capabilities");
  return CapabilityMask{data[0].effective} | CapabilityMask{data[1].effective} << 32;
}

CapabilityMask bounding_set(CapabilityMask among) {
  CapabilityMask set = 0;
  for (unsigned i = 0; i < 64; ++i) {
    if ((among & capability_bit(i)) == 0) continue;
    const int has = ::prctl(PR_CAPBSET_READ, i, 0, 0, 0);
    if (has < 0) break;  // past the last one that this kernel knows
    if (has == 1) set |= capability_bit(i);
  }
  return set;
}

Result<void> limit_bounding_set(CapabilityMask keep) {
  for (unsigned i = 0; i < 64; ++i) {
    if ((keep & capability_bit(i)) != 0 || ::prctl(PR_CAPBSET_DROP, i, 0, 0, 0) == 0) continue;
    const int failed = errno;
    const int has = ::prctl(PR_CAPBSET_READ, i, 0, 0, 0);
    if (has < 0) break;  // past the last one that this kernel knows
    // Dropping takes CAP_SETPCAP even for what is gone already.
    if (has == 1) return sys_error_of(failed, "drop {} for good", capability_name(i));
  }
  return {};
}

Result<void> set_capabilities(const CapabilitySets& sets) {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  for (unsigned word = 0; word < _LINUX_CAPABILITY_U32S_3; ++word) {
    data[word].permitted = static_cast<std::uint32_t>(sets.permitted >> (32 * word));
    data[word].effective = static_cast<std::uint32_t>(sets.effective >> (32 * word));
    data[word].inheritable = static_cast<std::uint32_t>(sets.inheritable >> (32 * word));
  }
  if (::syscall(SYS_capset, &header, data) < 0) return sys_error("set capabilities");
  return {};
}

Result<void> set_ambient(CapabilityMask ambient) {
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
    return sys_error("clear ambient capabilities");
  for (unsigned i = 0; i < 64; ++i) {
    if (!(ambient & capability_bit(i))) continue;
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0)
      return sys_error("raise ambient {}", capability_name(i));
  }
  return {};
}

}  // namespace gantry::kernel
