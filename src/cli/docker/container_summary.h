// SPDX-License-Identifier: Apache-2.0
//
// A container as GET /containers/json lists it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json_codec.h"
#include "cli/docker/engine_client.h"
#include "network/config.h"

namespace gantry::cli::docker {

struct PortSummary {
  std::string ip;
  std::uint16_t private_port = 0;
  std::uint16_t public_port = 0;  // 0: not published
  std::string type;               // "tcp"
};

struct MountSummary {
  std::string type, name, source, destination;
};

struct NetworkSummary {
  std::map<std::string, network::EndpointSettings> networks;
};

struct ContainerSummary {
  std::string id;
  std::vector<std::string> names;  // "/web", and "/other/alias" of a link
  std::string image, image_id, command, state, status;
  std::int64_t created = 0;  // seconds since 1970
  std::vector<PortSummary> ports;
  std::int64_t size_rw = 0, size_root_fs = 0;  // bytes
  std::map<std::string, std::string> labels;
  NetworkSummary network_settings;
  std::vector<MountSummary> mounts;
};

void fields(json::Fields& f, PortSummary& port);
void fields(json::Fields& f, MountSummary& mount);
void fields(json::Fields& f, NetworkSummary& settings);
void fields(json::Fields& f, ContainerSummary& container);

Result<std::vector<ContainerSummary>> list_containers(EngineClient& engine, Parameters parameters);

// ---- cells of lists; not `whole`: shortened

std::string image_text(const ContainerSummary& container, bool whole);
std::string command_text(const ContainerSummary& container, bool whole);
std::string size_text(const ContainerSummary& container);     // what it has written, and with its image
std::string volumes_text(const ContainerSummary& container);  // how many
// "443/tcp, 0.0.0.0:8080->80/tcp"; ports that follow each other are one range.
std::string ports_text(std::vector<PortSummary> ports);
// "web,other/alias"
std::string names_text(const std::vector<std::string>& names, bool with_links);

}  // namespace gantry::cli::docker
