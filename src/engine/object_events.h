// SPDX-License-Identifier: Apache-2.0
//
// Events of volumes and networks, with the attributes that Docker's have.
#pragma once

#include <string>
#include <string_view>

#include "container/settings.h"
#include "engine/events.h"
#include "network/networks.h"

namespace gantry::engine {

// "create", "destroy".
void publish_volume_event(Events& events, std::string_view action, const std::string& name,
                          const std::string& driver);
void publish_network_event(Events& events, std::string_view action, const network::Network& network);

// "mount" and "unmount" of a volume for a container, `mount` being of type "volume".
void publish_mount_event(Events& events, std::string_view action, const container::MountPoint& mount,
                         const std::string& container);
// "connect" and "disconnect" of a container.
void publish_connection_event(Events& events, std::string_view action, const network::Network& network,
                              const std::string& container);

}  // namespace gantry::engine
