// SPDX-License-Identifier: Apache-2.0
#include "container/make_spec.h"

#include <algorithm>

#include "base/file.h"
#include "base/printable.h"
#include "container/devices.h"
#include "container/isolation.h"
#include "container/merge_image.h"
#include "container/resources.h"
#include "container/seccomp_profile.h"
#include "container/spec_mounts.h"
#include "container/user.h"

namespace gantry::container {
namespace {

using oci::NamespaceType;

constexpr const char* kSpecVersion = "1.2.0";
constexpr const char* kDefaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

bool joins_other(std::string_view mode) { return mode.starts_with("container:"); }

// ---- namespaces

bool has_user_namespace(const SpecInputs& inputs) {
  return !inputs.uid_mappings.empty() || !inputs.joined.user.empty();
}

// Of the kinds a container may share with the host: joined, new, or (mode "host") not there at all.
void add_namespaces(oci::Linux& linux_, const SpecInputs& inputs) {
  const HostConfig& host = inputs.host_config;
  const JoinedNamespaces& joined = inputs.joined;
  struct Kind {
    NamespaceType type;
    const std::string& mode;
    const std::string& path;
  };
  const Kind kinds[] = {{NamespaceType::Network, host.network_mode, joined.network},
                        {NamespaceType::Ipc, host.ipc_mode, joined.ipc},
                        {NamespaceType::Pid, host.pid_mode, joined.pid},
                        {NamespaceType::Uts, host.uts_mode, joined.uts},
                        {NamespaceType::Cgroup, host.cgroupns_mode, joined.cgroup}};
  linux_.namespaces = {{.type = NamespaceType::Mount}};
  for (const Kind& kind : kinds)
    if (kind.mode != "host" || !kind.path.empty()) linux_.namespaces.push_back({kind.type, kind.path});
  if (!has_user_namespace(inputs)) return;
  linux_.namespaces.push_back({NamespaceType::User, joined.user});
  // Of one that is joined, too: the runtime learns by them who its users are on the host.
  linux_.uid_mappings = inputs.uid_mappings;
  linux_.gid_mappings = inputs.gid_mappings;
}

Result<void> check_joined(const SpecInputs& inputs) {
  const HostConfig& host = inputs.host_config;
  const std::pair<const std::string&, const std::string&> joined[] = {
      {host.network_mode, inputs.joined.network},
      {host.ipc_mode, inputs.joined.ipc},
      {host.pid_mode, inputs.joined.pid}};
  for (const auto& [mode, path] : joined)
    if (joins_other(mode) && path.empty())
      return error(Code::InvalidArgument, "cannot join the namespace of '{}': it is not there", mode);
  return {};
}

bool is_own(const oci::Linux& linux_, NamespaceType type) {
  return std::ranges::any_of(linux_.namespaces,
                             [&](const oci::Namespace& ns) { return ns.type == type && ns.path.empty(); });
}

// A name that is not the container's own to give would rename the host, or the container it shares with.
void set_names(oci::Spec& spec, const SpecInputs& inputs) {
  if (!is_own(spec.linux_, NamespaceType::Uts)) return;
  const Config& config = inputs.config;
  spec.hostname = config.hostname.empty() ? inputs.id.substr(0, 12) : config.hostname;
  spec.domainname = config.domainname;
}

// ---- the process

bool wants_init(const SpecInputs& inputs) {
  // Joined pid namespaces have a first process already, which reaps.
  const std::string& mode = inputs.host_config.pid_mode;
  return inputs.host_config.init.value_or(inputs.defaults.init) && inputs.joined.pid.empty() &&
         mode != "host";
}

std::vector<std::string> arguments_of(const SpecInputs& inputs) {
  std::vector<std::string> arguments;
  if (wants_init(inputs)) arguments = {std::string(kInitTarget), "--"};
  const auto append = [&](const Words& words) {
    arguments.insert(arguments.end(), words.begin(), words.end());
  };
  if (inputs.config.entrypoint) append(*inputs.config.entrypoint);
  append(inputs.config.cmd);
  return arguments;
}

// HOME is missing on purpose: the runtime looks it up for the user that a process really gets.
std::vector<std::string> environment_of(const SpecInputs& inputs, const oci::Spec& spec) {
  const std::string& hostname = spec.hostname.empty() ? inputs.config.hostname : spec.hostname;
  std::vector<std::string> environment = {kDefaultPath, "HOSTNAME=" + hostname};
  if (inputs.config.tty) environment.emplace_back("TERM=xterm");
  environment.insert(environment.end(), inputs.link_env.begin(), inputs.link_env.end());
  return merge_environment(std::move(environment), inputs.config.env);
}

std::optional<oci::ConsoleSize> console_size_of(const HostConfig& host) {
  const std::vector<std::uint32_t>& size = host.console_size;
  if (size.size() != 2 || size[0] == 0 || size[1] == 0) return std::nullopt;
  return oci::ConsoleSize{.height = size[0], .width = size[1]};
}

Result<oci::Process> make_process(const SpecInputs& inputs, const oci::Spec& spec,
                                  const std::vector<std::string>& capabilities,
                                  const SecurityOptions& security) {
  const Config& config = inputs.config;
  const HostConfig& host = inputs.host_config;
  const kernel::RootDir root = TRY(kernel::RootDir::open(inputs.rootfs));
  const ContainerUser user = TRY(find_user(root, config.user, host.group_add));

  oci::Process process;
  process.terminal = config.tty;
  if (config.tty) process.console_size = console_size_of(host);
  process.user = {.uid = user.uid, .gid = user.gid, .additional_gids = user.additional_gids};
  process.args = arguments_of(inputs);
  process.env = environment_of(inputs, spec);
  process.cwd = config.working_dir.empty() ? "/" : config.working_dir;
  process.capabilities = capability_sets(capabilities, user.uid == 0);
  process.rlimits = TRY(rlimits_of(host.ulimits, inputs.defaults.ulimits));
  process.no_new_privileges = security.no_new_privileges;
  process.oom_score_adj = static_cast<std::int32_t>(host.oom_score_adj);
  if (security.apparmor && *security.apparmor != "unconfined") process.apparmor_profile = *security.apparmor;
  return process;
}

// ---- what it must not see or do

void set_paths(oci::Linux& linux_, const HostConfig& host, const SecurityOptions& security) {
  if (host.privileged || security.has_unconfined_paths) return;
  linux_.masked_paths = host.masked_paths.value_or(default_masked_paths());
  linux_.readonly_paths = host.readonly_paths.value_or(default_readonly_paths());
}

Result<SeccompProfile> named_profile(const std::string& json_or_path) {
  if (json_or_path.starts_with('/')) {
    auto text = read_file(json_or_path, kMaxProfileBytes);
    // Not "not found", which would be taken for the container.
    if (!text) return std::move(text).error().with_code(Code::InvalidArgument);
    return TRY_DURING(parse_seccomp_profile(*text), "seccomp profile '{}'", json_or_path);
  }
  return TRY_DURING(parse_seccomp_profile(json_or_path), "Decoding seccomp profile failed");
}

Result<void> set_seccomp(oci::Linux& linux_, const SpecInputs& inputs, const SecurityOptions& security,
                         const std::vector<std::string>& capabilities) {
  if (inputs.host_config.privileged && !security.seccomp) return {};
  const std::string wanted = security.seccomp.value_or(inputs.defaults.seccomp_profile);
  if (wanted == "unconfined") return {};
  const KernelVersion kernel = TRY(KernelVersion::running());
  const SeccompContext context{.capabilities = capabilities, .kernel = kernel};
  const bool is_builtin = wanted.empty() || wanted == "builtin" || wanted == "default";
  linux_.seccomp =
      is_builtin ? resolve(default_seccomp_profile(), context) : resolve(TRY(named_profile(wanted)), context);
  return {};
}

// Ports and pings without privileges, as Docker's users are used to; in a network namespace of others it
// would be theirs to say. The groups that may ping are all there are: a user namespace has not that many.
void set_sysctls(oci::Linux& linux_, const SpecInputs& inputs) {
  const HostConfig& host = inputs.host_config;
  linux_.sysctl = host.sysctls;
  if (host.network_mode == "host" || joins_other(host.network_mode)) return;
  linux_.sysctl.emplace("net.ipv4.ip_unprivileged_port_start", "0");
  if (!has_user_namespace(inputs)) linux_.sysctl.emplace("net.ipv4.ping_group_range", "0 2147483647");
}

Result<oci::Resources> make_resources(const HostConfig& host, oci::Linux& linux_) {
  oci::Resources resources = TRY(resources_of(host));
  GrantedDevices devices = TRY(grant_devices(host));
  linux_.devices = std::move(devices.nodes);
  resources.devices = std::move(devices.rules);
  return resources;
}

}  // namespace

Result<oci::Spec> make_spec(const SpecInputs& inputs) {
  const HostConfig& host = inputs.host_config;
  const SecurityOptions security =
      TRY(parse_security_options(host.security_opt, inputs.defaults.no_new_privileges));
  const std::vector<std::string> capabilities = TRY(capabilities_of(host));

  oci::Spec spec;
  spec.oci_version = kSpecVersion;
  spec.root = {.path = inputs.rootfs, .readonly = host.readonly_rootfs};
  spec.annotations = host.annotations;
  spec.linux_.cgroups_path = inputs.cgroup_path;
  TRY(check_joined(inputs));
  add_namespaces(spec.linux_, inputs);
  set_names(spec, inputs);
  spec.process = TRY(make_process(inputs, spec, capabilities, security));
  TRY(add_mounts(spec, inputs,
                 {.has_init = wants_init(inputs), .has_writable_cgroups = security.has_writable_cgroups}));
  set_paths(spec.linux_, host, security);
  set_sysctls(spec.linux_, inputs);
  TRY(set_seccomp(spec.linux_, inputs, security, capabilities));
  spec.linux_.resources = TRY(make_resources(host, spec.linux_));
  TRY(oci::validate(spec));
  return spec;
}

Result<oci::Resources> make_update(const Resources& resources) { return resources_of(resources); }

}  // namespace gantry::container
