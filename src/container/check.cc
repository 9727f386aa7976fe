// SPDX-License-Identifier: Apache-2.0
#include "container/check.h"

#include <array>
#include <csignal>
#include <limits>
#include <string_view>

#include <fmt/format.h>

#include "base/printable.h"
#include "base/signals.h"
#include "container/devices.h"
#include "container/isolation.h"
#include "container/resources.h"
#include "container/spec_mounts.h"

namespace gantry::container {
namespace {

template <class... Args>
Error invalid(fmt::format_string<Args...> format, Args&&... args) {
  return error(Code::InvalidArgument, format, std::forward<Args>(args)...);
}

// ---- fields without an effect here

enum class Answer : std::uint8_t { Refuse, Warn };

struct NotHere {
  std::string_view field;
  bool (*is_given)(const Config&, const HostConfig&);
  Answer answer;
  std::string_view reason;
};

// Every field of Docker's API that is read and not applied. What is not in this table is applied, or kept for
// the client that gave it (ContainerIDFile).
constexpr NotHere kNotHere[] = {
    {"ArgsEscaped", [](const Config& c, const HostConfig&) { return c.args_escaped; }, Answer::Warn,
     "it has a meaning on Windows only"},
    {"HostConfig.CpuCount", [](const Config&, const HostConfig& h) { return h.cpu_count != 0; }, Answer::Warn,
     "it has a meaning on Windows only; use NanoCpus"},
    {"HostConfig.CpuPercent", [](const Config&, const HostConfig& h) { return h.cpu_percent != 0; },
     Answer::Warn, "it has a meaning on Windows only; use NanoCpus"},
    {"HostConfig.IOMaximumIOps", [](const Config&, const HostConfig& h) { return h.io_maximum_iops != 0; },
     Answer::Refuse, "invalid QoS settings: it has a meaning on Windows only; use BlkioDeviceReadIOps"},
    {"HostConfig.IOMaximumBandwidth",
     [](const Config&, const HostConfig& h) { return h.io_maximum_bandwidth != 0; }, Answer::Refuse,
     "invalid QoS settings: it has a meaning on Windows only; use BlkioDeviceReadBps"},
    {"HostConfig.KernelMemory", [](const Config&, const HostConfig& h) { return h.kernel_memory != 0; },
     Answer::Warn, "the kernel has no such limit any more; Memory counts the kernel's, too"},
    {"HostConfig.KernelMemoryTCP",
     [](const Config&, const HostConfig& h) { return h.kernel_memory_tcp != 0; }, Answer::Warn,
     "the kernel has no such limit any more; Memory counts the kernel's, too"},
    {"HostConfig.Cgroup", [](const Config&, const HostConfig& h) { return !h.cgroup.empty(); },
     Answer::Refuse, "control groups cannot be shared; use CgroupParent"},
    {"HostConfig.StorageOpt", [](const Config&, const HostConfig& h) { return !h.storage_opt.empty(); },
     Answer::Refuse, "--storage-opt: the storage of containers has no limits of its own"},
    {"HostConfig.DeviceRequests",
     [](const Config&, const HostConfig& h) { return !h.device_requests.empty(); }, Answer::Refuse,
     "could not select device driver: there are no drivers for GPUs; give its device files with Devices"},
};

Result<Warnings> check_not_here(const Config& config, const HostConfig& host) {
  Warnings warnings;
  for (const NotHere& field : kNotHere) {
    if (!field.is_given(config, host)) continue;
    if (field.answer == Answer::Refuse)
      return error(Code::InvalidArgument, "{}: {}", field.field, field.reason);
    warnings.push_back(fmt::format("{} is ignored: {}.", field.field, field.reason));
  }
  return warnings;
}

// ---- Config

constexpr std::size_t kLongestHostname = 64;      // sethostname(2), HOST_NAME_MAX
constexpr std::int64_t kMillisecond = 1'000'000;  // nanoseconds

Result<void> check_health(const HealthConfig& health) {
  struct Time {
    std::string_view name;
    std::int64_t value;
  };
  for (const Time& time :
       {Time{"Interval", health.interval}, Time{"Timeout", health.timeout},
        Time{"StartPeriod", health.start_period}, Time{"StartInterval", health.start_interval}})
    if (time.value != 0 && time.value < kMillisecond)
      return invalid("{} in Healthcheck cannot be less than 1ms", time.name);
  if (health.retries < 0) return invalid("Retries in Healthcheck cannot be negative");
  const std::string_view kind = health.test.empty() ? "NONE" : std::string_view(health.test[0]);
  if (kind != "NONE" && kind != "CMD" && kind != "CMD-SHELL")
    return invalid("Unknown healthcheck type '{}' (expected 'CMD' or 'CMD-SHELL')", printable(kind));
  if (kind != "NONE" && health.test.size() < 2)
    return invalid("Healthcheck.Test: '{}' is not followed by a command", kind);
  return {};
}

Result<void> check_config(const Config& config) {
  if (config.hostname.size() > kLongestHostname)
    return invalid("invalid hostname: '{}' is longer than {} bytes", printable(config.hostname),
                   kLongestHostname);
  if (config.domainname.size() > kLongestHostname)
    return invalid("invalid domainname: '{}' is longer than {} bytes", printable(config.domainname),
                   kLongestHostname);
  if (!config.working_dir.empty() && !config.working_dir.starts_with('/'))
    return invalid("the working directory '{}' is invalid, it needs to be an absolute path",
                   printable(config.working_dir));
  for (const std::string& variable : config.env)
    if (variable.empty() || variable.starts_with('='))
      return invalid("invalid environment variable: {}", printable(variable));
  if (config.healthcheck) TRY(check_health(*config.healthcheck));
  const auto signal = config.stop_signal.empty() ? Result<int>(SIGTERM) : parse_signal(config.stop_signal);
  if (!signal || *signal == 0) return invalid("Invalid signal: {}", printable(config.stop_signal));
  return {};
}

// ---- HostConfig

Result<void> check_mode(std::string_view field, std::string_view mode,
                        std::initializer_list<std::string_view> words, bool may_join) {
  if (mode.empty()) return {};
  for (const std::string_view word : words)
    if (mode == word) return {};
  constexpr std::string_view kContainer = "container:";
  if (may_join && mode.starts_with(kContainer) && mode.size() > kContainer.size()) return {};
  return invalid("invalid {}: {}", field, printable(mode));
}

Result<void> check_modes(const HostConfig& host) {
  TRY(check_mode("IPC mode", host.ipc_mode, {"none", "private", "shareable", "host"}, true));
  TRY(check_mode("PID mode", host.pid_mode, {"host", "private"}, true));
  TRY(check_mode("UTS mode", host.uts_mode, {"host", "private"}, false));
  TRY(check_mode("cgroup namespace mode", host.cgroupns_mode, {"host", "private"}, false));
  TRY(check_mode("user namespace mode", host.userns_mode, {"host", "private"}, true));
  if (!host.isolation.empty() && host.isolation != "default")
    return invalid("invalid isolation: \"{}\" - linux only supports 'default'", printable(host.isolation));
  return {};
}

// "name:address"; an IPv6 address has colons itself. Docker's clients also write "name=address".
Result<void> check_extra_host(const std::string& entry) {
  const std::size_t separator = entry.find_first_of(":=");
  if (separator == entry.npos || separator == 0 || separator + 1 == entry.size())
    return invalid("bad format for add-host: \"{}\"", printable(entry));
  return {};
}

Result<void> check_host_values(const HostConfig& host) {
  if (host.shm_size < 0) return invalid("SHM size can not be less than 0");
  if (host.oom_score_adj < -1000 || host.oom_score_adj > 1000)
    return invalid("Invalid value {}, range for oom score adj is [-1000, 1000]", host.oom_score_adj);
  if (!host.console_size.empty() && host.console_size.size() != 2)
    return invalid("HostConfig.ConsoleSize: must be [height, width]");
  const bool restarts = !host.restart_policy.name.empty() && host.restart_policy.name != "no";
  if (host.auto_remove && restarts) return invalid("can't create 'AutoRemove' container with restart policy");
  for (const auto& [key, value] : host.annotations)
    if (key.empty())
      return invalid("invalid Annotations: the empty string is not permitted as an annotation key");
  for (const auto& [target, options] : host.tmpfs) {
    if (!target.starts_with('/'))
      return invalid("invalid mount path: '{}' mount path must be absolute", printable(target));
    TRY_DURING(tmpfs_options(options), "HostConfig.Tmpfs['{}']", printable(target));
  }
  for (const std::string& entry : host.extra_hosts) TRY(check_extra_host(entry));
  for (const std::string& rule : host.device_cgroup_rules) TRY(parse_device_rule(rule));
  TRY(rlimits_of(host.ulimits, {}));
  TRY(capabilities_of(host));
  return {};
}

Result<Warnings> check_security(const HostConfig& host) {
  const SecurityOptions options = TRY(parse_security_options(host.security_opt));
  Warnings warnings;
  if (!options.labels.empty())
    warnings.emplace_back("HostConfig.SecurityOpt: label options are ignored: SELinux is not supported.");
  return warnings;
}

// Who uses the network of another has no say in it.
Result<Warnings> check_network(const Config& config, const HostConfig& host) {
  const bool joins = host.network_mode.starts_with("container:"), is_host = host.network_mode == "host";
  if (joins && !config.hostname.empty()) return invalid("conflicting options: hostname and the network mode");
  if ((joins || is_host) && !host.links.empty())
    return invalid(
        "conflicting options: {} type networking can't be used with links. This would result in "
        "undefined behavior",
        joins ? "container" : "host");
  if (joins && (!host.dns.empty() || !host.dns_search.empty() || !host.dns_options.empty()))
    return invalid("conflicting options: dns and the network mode");
  if (joins && !host.extra_hosts.empty())
    return invalid("conflicting options: custom host-to-IP mapping and the network mode");
  if (joins && (host.publish_all_ports || !host.port_bindings.empty()))
    return invalid("conflicting options: port publishing and the container type network mode");
  for (const auto& [key, value] : host.sysctls)
    if (is_host && key.starts_with("net."))
      return invalid("sysctl \"{}\" not allowed in host network namespace", printable(key));
  Warnings warnings;
  if (is_host && !host.port_bindings.empty())
    warnings.emplace_back("Published ports are discarded when using host network mode");
  return warnings;
}

void append(Warnings& warnings, Warnings more) {
  warnings.insert(warnings.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

}  // namespace

void apply_defaults(const Config& config, HostConfig& host, const HostDefaults& defaults,
                    const HostFacts& facts) {
  const auto fill = [](std::string& field, std::string_view value) {
    if (field.empty()) field = value;
  };
  if (config.network_disabled) host.network_mode = "none";
  fill(host.log_config.type, defaults.log_driver);
  // What is given goes before the defaults, which are for their own driver alone.
  if (host.log_config.type == defaults.log_driver)
    host.log_config.config.insert(defaults.log_options.begin(), defaults.log_options.end());
  fill(host.network_mode, "bridge");
  if (host.network_mode == "default") host.network_mode = "bridge";
  fill(host.restart_policy.name, "no");
  fill(host.runtime, defaults.runtime);
  fill(host.ipc_mode, defaults.ipc_mode);
  fill(host.cgroupns_mode, defaults.cgroupns_mode);
  // A privileged container of Docker's is in the host's on v1, and in one of its own on v2 like the others.
  fill(host.cgroupns_mode, facts.has_cgroup_v2 ? "private" : "host");
  fill(host.cgroup_parent, defaults.cgroup_parent);
  if (host.shm_size == 0 && host.ipc_mode != "host" && host.ipc_mode != "none")
    host.shm_size = defaults.shm_size;
  // Docker's rule: as much swap as memory.
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / 2;
  if (host.memory > 0 && host.memory <= kMost && host.memory_swap == 0) host.memory_swap = 2 * host.memory;
  // Nobody asked for these limits, so they are none rather than an error.
  if (host.memory_swappiness == -1) host.memory_swappiness.reset();
  if (host.pids_limit == 0) host.pids_limit.reset();
  if (host.console_size.empty()) host.console_size = {0, 0};
  if (!host.privileged) {
    if (!host.masked_paths) host.masked_paths = default_masked_paths();
    if (!host.readonly_paths) host.readonly_paths = default_readonly_paths();
  }
}

Result<Warnings> check_settings(const Config& config, HostConfig& host, const HostFacts& facts) {
  TRY(check_config(config));
  TRY(check_modes(host));
  TRY(check_host_values(host));
  Warnings warnings = TRY(check_not_here(config, host));
  append(warnings, TRY(check_security(host)));
  append(warnings, TRY(check_network(config, host)));
  append(warnings, TRY(check_resources(host, facts)));
  return warnings;
}

}  // namespace gantry::container
