// SPDX-License-Identifier: Apache-2.0
//
// Published ports: from HostConfig.PortBindings and exposed ports to what a network publishes, and back to
// what inspect shows.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "container/settings.h"
#include "network/networks.h"

namespace gantry::engine {

struct ContainerPort {
  network::Protocol protocol = network::Protocol::Tcp;
  std::uint16_t number = 0;
};

// "80/tcp", "80". InvalidArgument: "invalid containerPort: x".
Result<ContainerPort> parse_container_port(std::string_view text);
std::string str(const ContainerPort& port);  // "80/tcp"

// All that HostConfig binds, and with `publish_all_ports` every exposed port that it does not.
// InvalidArgument: "invalid port specification: \"x\"".
Result<std::vector<network::PortRequest>> port_requests(const container::PortMap& bindings,
                                                        const container::StringSet& exposed,
                                                        bool publish_all_ports);

// NetworkSettings.Ports: the published ones with their bindings, the other exposed ones with none.
container::PortMap port_map(std::span<const network::PublishedPort> published,
                            const container::StringSet& exposed);

}  // namespace gantry::engine
