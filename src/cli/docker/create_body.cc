// SPDX-License-Identifier: Apache-2.0
//
// From the options of `run` and `create` to the request, as docker's client does it.
#include <algorithm>
#include <charconv>

#include "base/file.h"
#include "base/printable.h"
#include "cli/docker/container_options.h"
#include "cli/docker/mount_option.h"
#include "cli/docker/port_option.h"
#include "cli/docker/terminal.h"
#include "cli/docker/values.h"

namespace gantry::cli::docker {
namespace {

using container::Config;
using container::HostConfig;
using Options = ContainerOptions;

Error bad_option(std::string_view option, std::string_view text) {
  return error(Code::InvalidArgument, "invalid value for option '--{}': '{}'", option, printable(text));
}

template <class Integer>
Result<Integer> parse_number(std::string_view option, std::string_view text) {
  Integer number{};
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || end != text.data() + text.size()) return bad_option(option, text);
  return number;
}

// ---- What runs

bool attaches(const Options& options, std::string_view stream) {
  return std::ranges::find(options.attach, stream) != options.attach.end();
}

std::optional<container::HealthConfig> made(std::optional<container::HealthConfig>&& health) {
  return std::move(health);
}

Result<std::optional<container::HealthConfig>> health_of(const Options& options) {
  container::HealthConfig health{.retries = options.health_retries.value_or(0)};
  health.interval = TRY(nanoseconds_option("health-interval", options.health_interval));
  health.timeout = TRY(nanoseconds_option("health-timeout", options.health_timeout));
  health.start_period = TRY(nanoseconds_option("health-start-period", options.health_start_period));
  health.start_interval = TRY(nanoseconds_option("health-start-interval", options.health_start_interval));
  if (!options.health_cmd.empty()) health.test = {"CMD-SHELL", options.health_cmd};
  const bool says_nothing = health == container::HealthConfig{};
  if (options.no_healthcheck && !says_nothing)
    return error(Code::InvalidArgument,
                 "options '--no-healthcheck' and '--health-*' cannot be used together");
  if (options.no_healthcheck) return made(container::HealthConfig{.test = {"NONE"}});
  if (says_nothing) return made(std::nullopt);
  return made(std::move(health));
}

Result<Config> config_of(const Options& options, const std::string& image,
                         const std::vector<std::string>& command, container::PortMap& bindings) {
  Config config{.hostname = options.hostname, .domainname = options.domainname, .user = options.user};
  const bool is_default = options.attach.empty() && !options.detach;
  config.attach_stdin = (options.interactive && !options.detach) || attaches(options, "stdin");
  config.attach_stdout = is_default || attaches(options, "stdout");
  config.attach_stderr = is_default || attaches(options, "stderr");
  config.tty = options.tty;
  config.open_stdin = options.interactive;
  config.stdin_once = options.interactive && config.attach_stdin;
  config.env = TRY(environment_option(options.env_file, options.env));
  config.cmd = command;
  config.image = image;
  config.working_dir = options.workdir;
  config.mac_address = options.mac_address;
  config.labels = TRY(labels_option(options.label_file, options.label));
  config.stop_signal = options.stop_signal;
  config.stop_timeout = options.stop_timeout;
  config.healthcheck = TRY(health_of(options));
  if (!options.entrypoint.empty()) config.entrypoint = container::Words{options.entrypoint.back()};
  for (const std::string& port : options.publish) TRY(add_published(port, bindings, config.exposed_ports));
  for (const std::string& port : options.expose) TRY(add_exposed(port, config.exposed_ports));
  return config;
}

// ---- Limits

Result<container::Ulimit> parse_ulimit(const std::string& text) {
  const auto [name, values] = key_value(text);
  const std::size_t colon = values.find(':');
  container::Ulimit limit{.name = name};
  limit.soft = TRY(parse_number<std::int64_t>("ulimit", std::string_view(values).substr(0, colon)));
  limit.hard = colon == std::string::npos
                   ? limit.soft
                   : TRY(parse_number<std::int64_t>("ulimit", std::string_view(values).substr(colon + 1)));
  if (limit.hard != -1 && (limit.soft > limit.hard || limit.soft == -1))
    return error(Code::InvalidArgument, "ulimit soft limit must be less than or equal to hard limit: {} > {}",
                 limit.soft, limit.hard);
  return limit;
}

// Each once, by name, as docker sends them.
Result<std::vector<container::Ulimit>> ulimits_of(const Options& options) {
  std::map<std::string, container::Ulimit> by_name;
  for (const std::string& text : options.ulimit) {
    container::Ulimit limit = TRY(parse_ulimit(text));
    by_name[limit.name] = limit;
  }
  std::vector<container::Ulimit> limits;
  for (auto& [name, limit] : by_name) limits.push_back(std::move(limit));
  return limits;
}

// "/dev/sda:1m"
Result<std::vector<container::ThrottleDevice>> throttles(std::string_view option, const Options::Words& texts,
                                                         bool is_size) {
  std::vector<container::ThrottleDevice> devices;
  for (const std::string& text : texts) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos) return bad_option(option, text);
    const std::string value = text.substr(colon + 1);
    const std::int64_t rate =
        is_size ? TRY(bytes_option(option, value)) : TRY(parse_number<std::int64_t>(option, value));
    if (rate < 0) return bad_option(option, text);
    devices.push_back({.path = text.substr(0, colon), .rate = static_cast<std::uint64_t>(rate)});
  }
  return devices;
}

Result<std::vector<container::WeightDevice>> weights(const Options::Words& texts) {
  std::vector<container::WeightDevice> devices;
  for (const std::string& text : texts) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos) return bad_option("blkio-weight-device", text);
    devices.emplace_back(text.substr(0, colon),
                         TRY(parse_number<std::uint16_t>("blkio-weight-device", text.substr(colon + 1))));
  }
  return devices;
}

// "/dev/a", "/dev/a:/dev/b", "/dev/a:rw", "/dev/a:/dev/b:r"
container::DeviceMapping parse_device(std::string_view text) {
  container::DeviceMapping device{.cgroup_permissions = "rwm"};
  const std::size_t first = text.find(':');
  device.path_on_host = device.path_in_container = text.substr(0, first);
  if (first == std::string_view::npos) return device;
  text.remove_prefix(first + 1);
  const std::size_t second = text.find(':');
  const std::string_view word = text.substr(0, second);
  if (second == std::string_view::npos && word.find_first_not_of("rwm") == std::string_view::npos) {
    device.cgroup_permissions = word;
    return device;
  }
  device.path_in_container = word;
  if (second != std::string_view::npos) device.cgroup_permissions = text.substr(second + 1);
  return device;
}

// "all", "2", "device=0,1"
Result<container::DeviceRequest> parse_gpus(const std::string& text) {
  container::DeviceRequest request{.capabilities = {{"gpu"}}};
  for (const std::string& field : TRY(comma_fields(text))) {
    const auto [key, value] = key_value(field);
    if (key == "all" || value == "all")
      request.count = -1;
    else if (key == "driver")
      request.driver = value;
    else if (key == "device")
      request.device_ids.push_back(value);
    else
      request.count = TRY(parse_number<std::int64_t>("gpus", value.empty() ? key : value));
  }
  return request;
}

Result<void> set_limits(const Options& options, container::Resources& limits) {
  TRY(options.limits.put(limits));
  limits.kernel_memory = TRY(bytes_option("kernel-memory", options.kernel_memory));
  limits.memory_swappiness = options.memory_swappiness;
  limits.blkio_weight_device = TRY(weights(options.blkio_weight_device));
  limits.blkio_device_read_bps = TRY(throttles("device-read-bps", options.device_read_bps, true));
  limits.blkio_device_write_bps = TRY(throttles("device-write-bps", options.device_write_bps, true));
  limits.blkio_device_read_iops = TRY(throttles("device-read-iops", options.device_read_iops, false));
  limits.blkio_device_write_iops = TRY(throttles("device-write-iops", options.device_write_iops, false));
  limits.cgroup_parent = options.cgroup_parent;
  limits.device_cgroup_rules = options.device_cgroup_rule;
  for (const std::string& device : options.device) limits.devices.push_back(parse_device(device));
  if (!options.gpus.empty()) limits.device_requests.push_back(TRY(parse_gpus(options.gpus)));
  limits.ulimits = TRY(ulimits_of(options));
  limits.oom_kill_disable = options.oom_kill_disable;
  if (options.init) limits.init = true;
  return {};
}

// ---- The host's side

// A seccomp profile is a file of ours, which the daemon gets as its text.
Result<std::string> security_option(const std::string& text) {
  constexpr std::string_view kSeccomp = "seccomp=";
  const std::string value = text.starts_with(kSeccomp) ? text.substr(kSeccomp.size()) : "";
  if (value.empty() || value == "unconfined" || value == "builtin") return text;
  return std::string(kSeccomp) + TRY_DURING(read_file(value), "option '--security-opt'");
}

Result<void> set_files(const Options& options, Config& config, HostConfig& host) {
  for (const std::string& volume : options.volume) TRY(add_volume(volume, host.binds, config.volumes));
  for (const std::string& mount : options.mount) host.mounts.push_back(TRY(parse_mount(mount)));
  for (const std::string& text : options.tmpfs) {
    const std::size_t colon = text.find(':');
    host.tmpfs[text.substr(0, colon)] = colon == std::string::npos ? "" : text.substr(colon + 1);
  }
  host.volumes_from = options.volumes_from;
  host.volume_driver = options.volume_driver;
  host.readonly_rootfs = options.read_only;
  host.shm_size = TRY(bytes_option("shm-size", options.shm_size));
  host.storage_opt = TRY(key_values_option("storage-opt", options.storage_opt));
  return {};
}

Result<void> set_rights(const Options& options, HostConfig& host) {
  host.cap_add = options.cap_add;
  host.cap_drop = options.cap_drop;
  for (const std::string& text : options.security_opt)
    host.security_opt.push_back(TRY(security_option(text)));
  host.group_add = options.group_add;
  host.privileged = options.privileged;
  host.userns_mode = options.userns;
  host.pid_mode = options.pid;
  host.ipc_mode = options.ipc;
  host.uts_mode = options.uts;
  host.cgroupns_mode = options.cgroupns;
  host.runtime = options.runtime;
  host.isolation = options.isolation;
  host.sysctls = TRY(key_values_option("sysctl", options.sysctl));
  host.annotations = TRY(key_values_option("annotation", options.annotation));
  host.oom_score_adj = options.oom_score_adj.value_or(0);
  return {};
}

// ---- Networks

// "name=shop,alias=web,ip=10.0.0.2" or only "shop".
Result<void> set_network_field(const std::string& field, std::string& name,
                               network::EndpointSettings& endpoint) {
  const auto [key, value] = key_value(field);
  const auto ipam = [&]() -> network::EndpointIpam& {
    return endpoint.ipam_config ? *endpoint.ipam_config : endpoint.ipam_config.emplace();
  };
  if (key == "name")
    name = value;
  else if (key == "alias")
    endpoint.aliases.push_back(value);
  else if (key == "ip")
    ipam().ipv4_address = value;
  else if (key == "ip6")
    ipam().ipv6_address = value;
  else if (key == "link-local-ip")
    ipam().link_local_ips.push_back(value);
  else if (key == "mac-address")
    endpoint.mac_address = value;
  else if (key == "driver-opt")
    endpoint.driver_opts.insert(key_value(value));
  else if (key == "gw-priority")
    endpoint.gw_priority = TRY(parse_number<std::int64_t>("network", value));
  else
    return error(Code::InvalidArgument, "option '--network': invalid field '{}'", printable(key));
  return {};
}

Result<void> add_network(const std::string& text, std::string& name, network::EndpointSettings& endpoint) {
  if (text.find('=') == std::string::npos) {
    name = text;
    return {};
  }
  for (const std::string& field : TRY(comma_fields(text))) TRY(set_network_field(field, name, endpoint));
  if (name.empty()) return error(Code::InvalidArgument, "option '--network': name is required");
  return {};
}

bool is_user_defined(std::string_view mode) {
  return mode != "bridge" && mode != "host" && mode != "none" && mode != "default" && !mode.empty() &&
         !mode.starts_with("container:");
}

// Options such as --ip are those of the first network.
void add_single_options(const Options& options, network::EndpointSettings& endpoint) {
  endpoint.aliases.insert(endpoint.aliases.end(), options.network_alias.begin(), options.network_alias.end());
  if (!options.mac_address.empty()) endpoint.mac_address = options.mac_address;
  if (options.ip.empty() && options.ip6.empty() && options.link_local_ip.empty()) return;
  if (!endpoint.ipam_config) endpoint.ipam_config.emplace();
  if (!options.ip.empty()) endpoint.ipam_config->ipv4_address = options.ip;
  if (!options.ip6.empty()) endpoint.ipam_config->ipv6_address = options.ip6;
  endpoint.ipam_config->link_local_ips = options.link_local_ip;
}

Result<void> set_networks(const Options& options, CreateBody& body) {
  HostConfig& host = body.host_config;
  for (const std::string& text : options.network) {
    std::string name;
    network::EndpointSettings endpoint;
    TRY(add_network(text, name, endpoint));
    const bool is_first = host.network_mode.empty();
    if (is_first) host.network_mode = name;
    if (is_first) add_single_options(options, endpoint);
    if (is_first && is_user_defined(name)) endpoint.links = options.link;
    if (is_user_defined(name) || options.network.size() > 1 || endpoint.ipam_config)
      body.endpoints[name] = std::move(endpoint);
  }
  if (host.network_mode.empty()) {
    host.network_mode = "default";
    network::EndpointSettings endpoint;
    add_single_options(options, endpoint);
    if (endpoint.ipam_config || !endpoint.aliases.empty() || !endpoint.mac_address.empty())
      body.endpoints["default"] = std::move(endpoint);
  }
  if (!is_user_defined(host.network_mode)) host.links = options.link;
  host.dns = options.dns;
  host.dns_options = options.dns_option;
  host.dns_search = options.dns_search;
  host.extra_hosts = options.add_host;
  for (std::string& text : host.extra_hosts)  // the daemon's form
    if (const std::size_t equals = text.find('='); equals != std::string::npos) text[equals] = ':';
  host.publish_all_ports = options.publish_all;
  return {};
}

struct Networking {
  std::map<std::string, network::EndpointSettings> endpoints;
};
void fields(json::Fields& f, Networking& networking) { f("EndpointsConfig", networking.endpoints); }

struct Request {
  Config config;
  HostConfig host_config;
  Networking networking;
};
void fields(json::Fields& f, Request& request) {
  fields(f, request.config);
  f("HostConfig", request.host_config);
  f("NetworkingConfig", request.networking);
}

}  // namespace

Result<container::RestartPolicy> parse_restart_policy(const std::string& text) {
  const std::size_t colon = text.find(':');
  container::RestartPolicy policy{.name = text.substr(0, colon)};
  if (colon != std::string::npos)
    policy.maximum_retry_count = TRY(parse_number<std::int64_t>("restart", text.substr(colon + 1)));
  return policy;
}

Result<CreateBody> create_body(const ContainerOptions& options, const std::string& image,
                               const std::vector<std::string>& command) {
  CreateBody body;
  HostConfig& host = body.host_config;
  body.config = TRY(config_of(options, image, command, host.port_bindings));
  TRY(set_limits(options, host));
  TRY(set_files(options, body.config, host));
  TRY(set_rights(options, host));
  TRY(set_networks(options, body));
  host.container_id_file = options.cidfile;
  if (options.tty) host.console_size = console_size();
  host.log_config.type = options.log_driver;
  host.log_config.config = TRY(key_values_option("log-opt", options.log_opt));
  host.restart_policy = TRY(parse_restart_policy(options.restart));
  host.auto_remove = options.rm;
  if (options.rm && host.restart_policy.name != "no" && !host.restart_policy.name.empty())
    return error(Code::InvalidArgument, "options '--restart' and '--rm' cannot be used together");
  return body;
}

std::string to_json(CreateBody body) {
  return json::encode(
      Request{std::move(body.config), std::move(body.host_config), {std::move(body.endpoints)}});
}

}  // namespace gantry::cli::docker
