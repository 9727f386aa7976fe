// SPDX-License-Identifier: Apache-2.0
#include "docker/create_body.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

namespace gantry::docker {
namespace {

bool is_user_defined(const std::string& mode) {
  return !mode.empty() && mode != "default" && mode != "bridge" && mode != "host" && mode != "none" &&
         !mode.starts_with("container:");
}

// Until 1.44 a container had one MAC address, that of its first network.
void move_mac_address(CreateBody& body) {
  const std::string& mac = body.config.mac_address;
  const std::string& mode = body.host_config.network_mode;
  if (mac.empty() || mode == "none" || mode == "host" || mode.starts_with("container:")) return;
  network::EndpointSettings& endpoint =
      body.networking.endpoints[mode.empty() || mode == "default" ? "bridge" : mode];
  if (endpoint.mac_address.empty()) endpoint.mac_address = mac;
}

Result<void> check_endpoint_count(const CreateBody& body) {
  if (body.networking.endpoints.size() <= 1) return {};
  std::vector<std::string_view> names;
  for (const auto& [name, settings] : body.networking.endpoints) names.push_back(name);
  return error(Code::InvalidArgument, "Container cannot be connected to network endpoints: {}",
               fmt::join(names, ", "));
}

}  // namespace

void fields(json::Fields& f, NetworkingConfig& networking) { f("EndpointsConfig", networking.endpoints); }

void fields(json::Fields& f, CreateBody& body) {
  fields(f, body.config);
  f("HostConfig", body.host_config);
  f("NetworkingConfig", body.networking);
}

Result<void> read_as(CreateBody& body, ApiVersion version) {
  container::HostConfig& host = body.host_config;
  if (version < ApiVersion{1, 40})
    for (container::Mount& mount : host.mounts)
      if (mount.bind_options) mount.bind_options->non_recursive = false;
  if (version < ApiVersion{1, 41} && host.cgroupns_mode.empty()) host.cgroupns_mode = "host";
  if (version < ApiVersion{1, 44}) {
    for (container::Mount& mount : host.mounts)
      if (mount.bind_options)
        mount.bind_options->read_only_non_recursive = mount.bind_options->read_only_force_recursive = false;
    // An older daemon mounted read-only what is at the top, and left writable what is mounted below it.
    TRY(check_endpoint_count(body));
    move_mac_address(body);
  } else if (!body.config.mac_address.empty()) {
    move_mac_address(body);
  }
  if (version < ApiVersion{1, 45})
    for (container::Mount& mount : host.mounts)
      if (mount.volume_options) mount.volume_options->subpath.clear();
  // Settings of an endpoint that has no network's name yet are those of the network the container is made
  // for.
  if (auto endpoint = body.networking.endpoints.extract("default"); !endpoint.empty()) {
    endpoint.key() = is_user_defined(host.network_mode) ? host.network_mode : "bridge";
    body.networking.endpoints.insert(std::move(endpoint));
  }
  return {};
}

}  // namespace gantry::docker
