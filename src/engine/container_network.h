// SPDX-License-Identifier: Apache-2.0
//
// The network of one container, from its settings: which namespace it gets, what that is connected to, and
// which ports lead there. The work is network/networks.h's.
#pragma once

#include <string>

#include "base/error.h"
#include "engine/core.h"

namespace gantry::engine {

// Where the network namespace of a container comes from.
enum class NetworkKind : std::uint8_t {
  Own,     // a sandbox with the container's id
  Host,    // the daemon's
  Joined,  // another container's
  Pod,     // of the pod it lives in
};
NetworkKind network_kind(const ContainerSettings& settings);

using EndpointMap = std::map<std::string, network::EndpointSettings>;  // by network
// Keys that are ids of networks become names, as everything else that keeps endpoints has them. A network
// that does not exist (yet) keeps its word. InvalidArgument when one network is there twice.
Result<EndpointMap> by_network_name(const Core& core, EndpointMap endpoints);
std::string network_name(const Core& core, const std::string& ref);  // likewise, of one

// The path of the namespace to run in, which is made for Own; empty for Host. Conflict when the container
// that is to be joined does not run.
// `user_namespace`: the path of the one it is to belong to; empty: the daemon's.
Result<std::string> make_network_namespace(Core& core, const ContainerRecord& container,
                                           const std::string& user_namespace);
// For Own and Host: the endpoints and ports of it. `path`: what the call above answered.
Result<ContainerNetworks> connect_networks(Core& core, const ContainerRecord& container,
                                           const std::string& path);
// After its end, or a start that failed: everything above is taken back. Never fails for what is not there.
Result<void> remove_networks(Core& core, const ContainerRecord& container);
// Key of the sandbox that a container is in; empty: the host's network. Conflict when it does not run.
Result<std::string> sandbox_of(Core& core, const ContainerRecord& container);
// What remains of the record when it does not run: what was asked for, no addresses.
ContainerNetworks without_addresses(const ContainerNetworks& networks);

// Of one more network: `docker network connect` while it runs.
Result<network::EndpointSettings> connect_network(Core& core, const ContainerRecord& container,
                                                  const std::string& network,
                                                  const network::EndpointSettings& wanted);
// On disk and in what readers see. Networks are shared between snapshots: a change is a new value.
Result<void> save_networks(Core& core, Container& container, ContainerNetworks networks);
// The event "connect" or "disconnect".
void publish_connection(Core& core, std::string_view action, const std::string& network,
                        const ContainerRecord& container);

}  // namespace gantry::engine
