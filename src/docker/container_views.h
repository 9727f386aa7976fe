// SPDX-License-Identifier: Apache-2.0
//
// A container as the Docker API shows it: a line of a list (ContainerSummary), and everything about one
// (ContainerInspectResponse). From the engine's snapshot of it; nothing here looks at the system.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json_codec.h"
#include "container/settings.h"
#include "docker/api_version.h"
#include "engine/container_record.h"
#include "network/config.h"

namespace gantry::docker {

// RFC 3339; of 0, which is never, the first moment of the year 1.
std::string time_text(engine::TimeNs time);

// "Up 5 minutes (healthy)", "Exited (0) 3 weeks ago": what `docker ps` shows.
std::string status_text(const engine::ContainerState& state, engine::TimeNs now);

// The program and its arguments as one line; arguments with spaces in single quotes.
std::string command_text(const std::vector<std::string>& command);

// ---- ContainerSummary

struct PortSummary {
  std::string ip;                  // of the host; empty when it is not published
  std::uint16_t private_port = 0;  // in the container
  std::uint16_t public_port = 0;   // of the host; 0 when it is not published
  std::string type;                // "tcp"
  auto operator<=>(const PortSummary&) const = default;
};

struct ContainerSummary {
  struct Host {
    std::string network_mode;
    std::map<std::string, std::string> annotations;
  };
  struct Networks {
    std::map<std::string, network::EndpointSettings> networks;
  };

  std::string id;
  std::vector<std::string> names;  // "/web"
  std::string image;               // as it was asked for
  std::string image_id;
  std::string command;
  std::int64_t created = 0;  // seconds since 1970
  std::vector<PortSummary> ports;
  std::optional<std::int64_t> size_rw;  // bytes, as the next
  std::optional<std::int64_t> size_root_fs;
  std::map<std::string, std::string> labels;
  std::string state;
  std::string status;
  Host host_config;
  Networks network_settings;
  std::vector<container::MountPoint> mounts;
};
void fields(json::Fields& f, ContainerSummary& summary);

ContainerSummary summary_of(const engine::ContainerRecord& record, ApiVersion version, engine::TimeNs now);

// Every published and exposed port, in order.
std::vector<PortSummary> ports_of(const engine::ContainerRecord& record);

// ---- ContainerInspectResponse

struct StateView {
  std::string status;
  bool running = false;
  bool paused = false;
  bool restarting = false;
  bool oom_killed = false;
  bool dead = false;
  std::int64_t pid = 0;
  std::int64_t exit_code = 0;
  std::string error;
  std::string started_at, finished_at;
  std::optional<engine::Health> health;
};

struct NetworkSettingsView {
  std::string sandbox_id;
  std::string sandbox_key;
  // An exposed port that is not published is null, as Docker has it.
  std::map<std::string, std::optional<std::vector<container::PortBinding>>> ports;
  network::EndpointSettings bridge;  // of the default network, once more, for old clients
  std::map<std::string, network::EndpointSettings> networks;
};

struct GraphDriverView {
  std::string name;
  std::map<std::string, std::string> data;
};

struct ContainerDetails {
  std::string id;
  std::string created;
  std::string path;
  std::vector<std::string> args;
  StateView state;
  std::string image;
  std::string resolv_conf_path, hostname_path, hosts_path, log_path;
  std::string name;
  std::int64_t restart_count = 0;
  std::string platform;
  std::string app_armor_profile;
  std::optional<std::vector<std::string>> exec_ids;
  container::HostConfig host_config;
  GraphDriverView graph_driver;
  std::optional<std::int64_t> size_rw, size_root_fs;  // bytes
  std::vector<container::MountPoint> mounts;
  container::Config config;
  NetworkSettingsView network_settings;
};
void fields(json::Fields& f, ContainerDetails& details);

ContainerDetails details_of(const engine::ContainerRecord& record, const engine::ContainerPaths& paths,
                            ApiVersion version);

}  // namespace gantry::docker
