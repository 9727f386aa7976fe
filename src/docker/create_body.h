// SPDX-License-Identifier: Apache-2.0
//
// The body of POST /containers/create: ContainerConfig, with HostConfig and NetworkingConfig inside.
#pragma once

#include <map>
#include <string>

#include "base/error.h"
#include "base/json_codec.h"
#include "container/settings.h"
#include "docker/api_version.h"
#include "network/config.h"

namespace gantry::docker {

struct NetworkingConfig {
  std::map<std::string, network::EndpointSettings> endpoints;  // by network
};

struct CreateBody {
  container::Config config;
  container::HostConfig host_config;
  NetworkingConfig networking;
};
void fields(json::Fields& f, CreateBody& body);

// What a client of that version means: defaults were others, and what it cannot know of is not asked for by
// it. InvalidArgument for what its version did not allow.
Result<void> read_as(CreateBody& body, ApiVersion version);

}  // namespace gantry::docker
