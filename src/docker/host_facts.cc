// SPDX-License-Identifier: Apache-2.0
#include "docker/host_facts.h"

#include <linux/magic.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <optional>
#include <string_view>

#include "base/file.h"

namespace gantry::docker {
namespace {

// The value of NAME="value" in os-release(5).
std::string os_release_value(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (!line.starts_with(name) || line.size() <= name.size() || line[name.size()] != '=') continue;
    std::string_view value = line.substr(name.size() + 1);
    if (value.size() >= 2 && (value.front() == '"' || value.front() == '\''))
      value = value.substr(1, value.size() - 2);
    return std::string(value);
  }
  return {};
}

}  // namespace

// What cannot be read stays empty: this describes, and nothing depends on it.
HostFacts HostFacts::read() {
  HostFacts facts;
  if (utsname names{}; ::uname(&names) == 0) {
    facts.name = names.nodename;
    facts.kernel = names.release;
    facts.machine = names.machine;
  }
  for (const char* path : {"/etc/os-release", "/usr/lib/os-release"})
    if (const auto text = read_file(path)) {
      facts.operating_system = os_release_value(*text, "PRETTY_NAME");
      facts.os_version = os_release_value(*text, "VERSION_ID");
      break;
    }
  if (struct sysinfo memory{}; ::sysinfo(&memory) == 0)
    facts.memory = static_cast<std::uint64_t>(memory.totalram) * memory.mem_unit;
  facts.cpus = static_cast<unsigned>(::sysconf(_SC_NPROCESSORS_ONLN));
  return facts;
}

std::string file_system_of(const std::string& path) {
  struct statfs found{};
  if (::statfs(path.c_str(), &found) < 0) return "unknown";
  switch (static_cast<std::uint32_t>(found.f_type)) {
    case EXT4_SUPER_MAGIC: return "extfs";
    case XFS_SUPER_MAGIC: return "xfs";
    case BTRFS_SUPER_MAGIC: return "btrfs";
    case F2FS_SUPER_MAGIC: return "f2fs";
    case TMPFS_MAGIC: return "tmpfs";
    case OVERLAYFS_SUPER_MAGIC: return "overlayfs";
    case NFS_SUPER_MAGIC: return "nfs";
    default: return "unknown";
  }
}

std::string go_architecture(const std::string& machine) {
  if (machine == "x86_64") return "amd64";
  if (machine == "aarch64") return "arm64";
  if (machine.starts_with("arm")) return "arm";
  return machine;
}

}  // namespace gantry::docker
