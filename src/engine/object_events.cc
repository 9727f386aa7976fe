// SPDX-License-Identifier: Apache-2.0
#include "engine/object_events.h"

#include <utility>

namespace gantry::engine {
namespace {

Event network_event(std::string_view action, const network::Network& network) {
  return {.type = "network",
          .action = std::string(action),
          .actor = network.id,
          .attributes = {{"name", network.config.name}, {"type", network.config.driver}}};
}

Event volume_event(std::string_view action, const std::string& name, const std::string& driver) {
  return {.type = "volume", .action = std::string(action), .actor = name, .attributes = {{"driver", driver}}};
}

}  // namespace

void publish_volume_event(Events& events, std::string_view action, const std::string& name,
                          const std::string& driver) {
  events.publish(volume_event(action, name, driver));
}

void publish_network_event(Events& events, std::string_view action, const network::Network& network) {
  events.publish(network_event(action, network));
}

void publish_mount_event(Events& events, std::string_view action, const container::MountPoint& mount,
                         const std::string& container) {
  Event event = volume_event(action, mount.name, mount.driver);
  event.attributes["container"] = container;
  if (action == "mount") {
    event.attributes["destination"] = mount.destination;
    event.attributes["propagation"] = mount.propagation;
    event.attributes["read/write"] = mount.rw ? "true" : "false";
  }
  events.publish(std::move(event));
}

void publish_connection_event(Events& events, std::string_view action, const network::Network& network,
                              const std::string& container) {
  Event event = network_event(action, network);
  event.attributes["container"] = container;
  events.publish(std::move(event));
}

}  // namespace gantry::engine
