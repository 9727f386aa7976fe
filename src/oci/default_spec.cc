// SPDX-License-Identifier: Apache-2.0
#include "oci/default_spec.h"

namespace gantry::oci {

Spec default_spec() {
  Spec spec;
  spec.oci_version = kSpecVersionMax;
  spec.hostname = "gantry";
  spec.root = {.path = "rootfs", .readonly = true};

  Process& process = spec.process.emplace();
  process.terminal = true;
  process.args = {"sh"};
  process.env = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"};
  process.cwd = "/";
  process.no_new_privileges = true;
  process.rlimits = {{.type = "RLIMIT_NOFILE", .soft = 1024, .hard = 1024}};
  const std::vector<std::string> capabilities = {"CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"};
  process.capabilities = Capabilities{.bounding = capabilities,
                                      .permitted = capabilities,
                                      .effective = capabilities,
                                      .ambient = capabilities};

  const auto mount = [&](std::string destination, std::string type, std::string source,
                         std::vector<std::string> options) {
    spec.mounts.push_back(
        {std::move(destination), std::move(type), std::move(source), std::move(options), {}, {}});
  };
  mount("/proc", "proc", "proc", {});
  mount("/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"});
  mount("/dev/pts", "devpts", "devpts",
        {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"});
  mount("/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"});
  mount("/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"});
  mount("/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"});
  mount("/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev", "relatime", "ro"});

  Linux& linux_ = spec.linux_;
  linux_.resources.emplace().devices = {{.allow = false, .access = "rwm"}};
  linux_.namespaces = {{.type = NamespaceType::Pid},
                       {.type = NamespaceType::Network},
                       {.type = NamespaceType::Ipc},
                       {.type = NamespaceType::Uts},
                       {.type = NamespaceType::Mount}};
  linux_.masked_paths = {"/proc/acpi",          "/proc/asound",     "/proc/kcore",       "/proc/keys",
                         "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
                         "/sys/firmware",       "/proc/scsi"};
  linux_.readonly_paths = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
  return spec;
}

Spec default_rootless_spec(std::uint32_t host_uid, std::uint32_t host_gid) {
  Spec spec = default_spec();
  Linux& linux_ = spec.linux_;
  // A network namespace would have no way out that an ordinary user can make.
  std::erase_if(linux_.namespaces, [](const Namespace& ns) { return ns.type == NamespaceType::Network; });
  linux_.namespaces.push_back({.type = NamespaceType::User});
  linux_.uid_mappings = {{.container_id = 0, .host_id = host_uid, .size = 1}};
  linux_.gid_mappings = {{.container_id = 0, .host_id = host_gid, .size = 1}};
  linux_.resources.reset();

  for (Mount& mount : spec.mounts) {
    // Group 5 is not mapped, so devpts would refuse it.
    std::erase(mount.options, "gid=5");
    // sysfs shows a network namespace and may be mounted only by who owns that.
    if (mount.destination == "/sys")
      mount = {.destination = "/sys",
               .type = "none",
               .source = "/sys",
               .options = {"rbind", "nosuid", "noexec", "nodev", "ro"}};
  }
  return spec;
}

}  // namespace gantry::oci
