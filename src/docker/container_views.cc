// SPDX-License-Identifier: Apache-2.0
#include "docker/container_views.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include <fmt/format.h>

#include "base/human.h"
#include "base/timestamp.h"

namespace gantry::docker {

using enum json::Presence;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;  // nanoseconds

std::string ago(engine::TimeNs time, engine::TimeNs now) {
  return human_duration(std::chrono::seconds(std::max<std::int64_t>(now - time, 0) / kSecond));
}

// How Docker puts a health into brackets; empty: not at all.
std::string_view health_words(const engine::ContainerState& state) {
  if (!state.health) return "";
  switch (state.health->status) {
    case engine::HealthStatus::None: return "";
    case engine::HealthStatus::Starting: return " (health: starting)";
    case engine::HealthStatus::Healthy: return " (healthy)";
    case engine::HealthStatus::Unhealthy: return " (unhealthy)";
  }
  return "";
}

std::uint16_t number_of(std::string_view digits) {
  std::uint16_t number = 0;
  (void)std::from_chars(digits.data(), digits.data() + digits.size(), number);  // the engine wrote them
  return number;
}

// "80/tcp"
PortSummary port_of(std::string_view key) {
  const std::size_t slash = key.find('/');
  return {.private_port = number_of(key.substr(0, slash)),
          .type = std::string(slash == key.npos ? "tcp" : key.substr(slash + 1))};
}

std::string security_option(const container::HostConfig& host, std::string_view name) {
  for (const std::string& option : host.security_opt)
    if (option.starts_with(name) && option.size() > name.size() &&
        (option[name.size()] == '=' || option[name.size()] == ':'))
      return option.substr(name.size() + 1);
  return {};
}

// "/db:/web/alias", whatever way it was asked for.
std::vector<std::string> links_of(const engine::ContainerRecord& record) {
  std::vector<std::string> shown;
  for (const std::string_view link : record.settings->host_config.links) {
    const std::size_t colon = link.find(':');
    const std::string_view peer = link.substr(0, colon);
    const std::string_view alias = colon == link.npos ? peer : link.substr(colon + 1);
    shown.push_back(link.starts_with('/') ? std::string(link)
                                          : fmt::format("/{}:/{}/{}", peer, record.name, alias));
  }
  return shown;
}

StateView state_of(const engine::ContainerState& state) {
  using engine::Status;
  StateView view{.status = std::string(name_of(state.status)),
                 .running = state.is_running() || state.status == Status::Restarting,
                 .paused = state.status == Status::Paused,
                 .restarting = state.status == Status::Restarting,
                 .oom_killed = state.oom_killed,
                 .dead = state.status == Status::Dead,
                 .pid = state.pid,
                 .exit_code = state.exit_code,
                 .error = state.error,
                 .started_at = time_text(state.started),
                 .finished_at = time_text(state.finished)};
  if (state.health) view.health = *state.health;
  return view;
}

NetworkSettingsView network_settings_of(const engine::ContainerRecord& record) {
  const engine::ContainerNetworks& networks = *record.networks;
  NetworkSettingsView view{.sandbox_key = networks.sandbox_key, .networks = networks.endpoints};
  if (!networks.sandbox_key.empty()) view.sandbox_id = record.id;
  for (const auto& [port, bindings] : networks.ports) {
    auto& shown = view.ports[port];
    if (!bindings.empty()) shown = bindings;
  }
  if (const auto bridge = networks.endpoints.find("bridge"); bridge != networks.endpoints.end())
    view.bridge = bridge->second;
  return view;
}

}  // namespace

std::string time_text(engine::TimeNs time) {
  if (time == 0) return "0001-01-01T00:00:00Z";
  return format_timestamp({.tv_sec = time / kSecond, .tv_nsec = time % kSecond});
}

std::string status_text(const engine::ContainerState& state, engine::TimeNs now) {
  using engine::Status;
  switch (state.status) {
    case Status::Created: return "Created";
    case Status::Removing: return "Removal In Progress";
    case Status::Dead: return "Dead";
    case Status::Running: return fmt::format("Up {}{}", ago(state.started, now), health_words(state));
    case Status::Paused: return fmt::format("Up {} (Paused)", ago(state.started, now));
    case Status::Restarting:
      return fmt::format("Restarting ({}) {} ago", state.exit_code, ago(state.finished, now));
    case Status::Exited: break;
  }
  return fmt::format("Exited ({}) {} ago", state.exit_code, ago(state.finished, now));
}

std::string command_text(const std::vector<std::string>& command) {
  std::string text;
  for (const std::string& word : command) {
    const bool is_quoted = !text.empty() && word.find(' ') != word.npos;
    if (!text.empty()) text += ' ';
    text += is_quoted ? fmt::format("'{}'", word) : word;
  }
  return text;
}

std::vector<PortSummary> ports_of(const engine::ContainerRecord& record) {
  std::vector<PortSummary> ports;
  for (const auto& [key, bindings] : record.networks->ports) {
    PortSummary port = port_of(key);
    if (bindings.empty()) ports.push_back(port);
    for (const container::PortBinding& binding : bindings) {
      port.ip = binding.host_ip;
      port.public_port = number_of(binding.host_port);
      ports.push_back(port);
    }
  }
  std::ranges::sort(ports);
  return ports;
}

ContainerSummary summary_of(const engine::ContainerRecord& record, ApiVersion version, engine::TimeNs now) {
  const engine::ContainerSettings& settings = *record.settings;
  ContainerSummary summary{.id = record.id,
                           .names = {"/" + record.name},
                           .image = settings.image_name,
                           .image_id = settings.image,
                           .command = command_text(settings.command()),
                           .created = record.created / kSecond,
                           .ports = ports_of(record),
                           .labels = settings.config.labels,
                           .state = std::string(name_of(record.state.status)),
                           .status = status_text(record.state, now),
                           .network_settings = {record.networks->endpoints},
                           .mounts = settings.mounts};
  summary.host_config.network_mode = settings.host_config.network_mode;
  if (version >= ApiVersion{1, 46}) summary.host_config.annotations = settings.host_config.annotations;
  return summary;
}

ContainerDetails details_of(const engine::ContainerRecord& record, const engine::ContainerPaths& paths,
                            ApiVersion version) {
  const engine::ContainerSettings& settings = *record.settings;
  std::vector<std::string> command = settings.command();
  ContainerDetails details{.id = record.id,
                           .created = time_text(record.created),
                           .state = state_of(record.state),
                           .image = settings.image,
                           .resolv_conf_path = paths.resolv_conf,
                           .hostname_path = paths.hostname,
                           .hosts_path = paths.hosts,
                           .log_path = paths.log,
                           .name = "/" + record.name,
                           .restart_count = record.state.restart_count,
                           .platform = settings.platform,
                           .app_armor_profile = security_option(settings.host_config, "apparmor"),
                           .host_config = settings.host_config,
                           .graph_driver = {"overlay2", {{"MergedDir", paths.rootfs}}},
                           .mounts = settings.mounts,
                           .config = settings.config,
                           .network_settings = network_settings_of(record)};
  details.host_config.links = links_of(record);
  if (!command.empty()) {
    details.path = std::move(command.front());
    command.erase(command.begin());
    details.args = std::move(command);
  }
  // Clients before 1.44 look for the address in the configuration, newer ones only at the endpoint.
  if (version >= ApiVersion{1, 44}) details.config.mac_address.clear();
  // Clients before 1.45 look for the short id among the aliases: compose 1 connects once more where it is
  // not.
  if (version < ApiVersion{1, 45})
    for (auto& [name, endpoint] : details.network_settings.networks)
      if (!endpoint.dns_names.empty()) endpoint.aliases.push_back(record.id.substr(0, 12));
  return details;
}

// ---- Docker's keys

static void fields(json::Fields& f, PortSummary& port) {
  f("IP", port.ip);
  f("PrivatePort", port.private_port, Always);
  f("PublicPort", port.public_port);
  f("Type", port.type, Always);
}

static void fields(json::Fields& f, ContainerSummary::Host& host) {
  f("NetworkMode", host.network_mode);
  f("Annotations", host.annotations);
}

static void fields(json::Fields& f, ContainerSummary::Networks& settings) {
  f("Networks", settings.networks, Always);
}

void fields(json::Fields& f, ContainerSummary& summary) {
  f("Id", summary.id, Always);
  f("Names", summary.names, Always);
  f("Image", summary.image, Always);
  f("ImageID", summary.image_id, Always);
  f("Command", summary.command, Always);
  f("Created", summary.created, Always);
  f("Ports", summary.ports, Always);
  f("SizeRw", summary.size_rw);
  f("SizeRootFs", summary.size_root_fs);
  f("Labels", summary.labels, Always);
  f("State", summary.state, Always);
  f("Status", summary.status, Always);
  f("HostConfig", summary.host_config, Always);
  f("NetworkSettings", summary.network_settings, Always);
  f("Mounts", summary.mounts, Always);
}

static void fields(json::Fields& f, StateView& state) {
  f("Status", state.status, Always);
  f("Running", state.running, Always);
  f("Paused", state.paused, Always);
  f("Restarting", state.restarting, Always);
  f("OOMKilled", state.oom_killed, Always);
  f("Dead", state.dead, Always);
  f("Pid", state.pid, Always);
  f("ExitCode", state.exit_code, Always);
  f("Error", state.error, Always);
  f("StartedAt", state.started_at, Always);
  f("FinishedAt", state.finished_at, Always);
  f("Health", state.health);
}

static void fields(json::Fields& f, GraphDriverView& driver) {
  f("Name", driver.name, Always);
  f("Data", driver.data, Always);
}

static void fields(json::Fields& f, NetworkSettingsView& settings) {
  network::EndpointSettings& bridge = settings.bridge;
  std::string none;
  bool no = false;
  std::int64_t zero = 0;
  std::vector<std::string> nothing;
  f("Bridge", none, Always);
  // Long without a meaning, and still in every answer until 1.52.
  f("HairpinMode", no, Always);
  f("LinkLocalIPv6Address", none, Always);
  f("LinkLocalIPv6PrefixLen", zero, Always);
  f("SecondaryIPAddresses", nothing, Always);
  f("SecondaryIPv6Addresses", nothing, Always);
  f("SandboxID", settings.sandbox_id, Always);
  f("SandboxKey", settings.sandbox_key, Always);
  f("Ports", settings.ports, Always);
  f("EndpointID", bridge.endpoint_id, Always);
  f("Gateway", bridge.gateway, Always);
  f("GlobalIPv6Address", bridge.global_ipv6_address, Always);
  f("GlobalIPv6PrefixLen", bridge.global_ipv6_prefix_len, Always);
  f("IPAddress", bridge.ip_address, Always);
  f("IPPrefixLen", bridge.ip_prefix_len, Always);
  f("IPv6Gateway", bridge.ipv6_gateway, Always);
  f("MacAddress", bridge.mac_address, Always);
  f("Networks", settings.networks, Always);
}

void fields(json::Fields& f, ContainerDetails& details) {
  std::string driver = "overlay2", none;
  f("Id", details.id, Always);
  f("Created", details.created, Always);
  f("Path", details.path, Always);
  f("Args", details.args, Always);
  f("State", details.state, Always);
  f("Image", details.image, Always);
  f("ResolvConfPath", details.resolv_conf_path, Always);
  f("HostnamePath", details.hostname_path, Always);
  f("HostsPath", details.hosts_path, Always);
  f("LogPath", details.log_path, Always);
  f("Name", details.name, Always);
  f("RestartCount", details.restart_count, Always);
  f("Driver", driver, Always);
  f("Platform", details.platform, Always);
  f("MountLabel", none, Always);
  f("ProcessLabel", none, Always);
  f("AppArmorProfile", details.app_armor_profile, Always);
  f("ExecIDs", details.exec_ids, Always);
  f("HostConfig", details.host_config, Always);
  f("GraphDriver", details.graph_driver, Always);
  f("SizeRw", details.size_rw);
  f("SizeRootFs", details.size_root_fs);
  f("Mounts", details.mounts, Always);
  f("Config", details.config, Always);
  f("NetworkSettings", details.network_settings, Always);
}

}  // namespace gantry::docker
