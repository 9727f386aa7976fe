// SPDX-License-Identifier: Apache-2.0
#include "engine/container_events.h"

#include <utility>

namespace gantry::engine {

void publish_event(Events& events, const ContainerRecord& container, std::string action,
                   const std::map<std::string, std::string>& further) {
  Event event{.type = "container",
              .action = std::move(action),
              .actor = container.id,
              .attributes = container.settings->config.labels};
  event.attributes["image"] = container.settings->config.image;
  event.attributes["name"] = container.name;
  for (const auto& [key, value] : further) event.attributes[key] = value;
  events.publish(std::move(event));
}

void publish_end(Events& events, const ContainerRecord& container) {
  const ContainerState& state = container.state;
  if (state.oom_killed) publish_event(events, container, "oom");
  const std::int64_t seconds = (state.finished - state.started) / 1'000'000'000;
  publish_event(events, container, "die",
                {{"exitCode", std::to_string(state.exit_code)}, {"execDuration", std::to_string(seconds)}});
}

void publish_volume_events(Events& events, const ContainerRecord& container, std::string_view action) {
  for (const container::MountPoint& mount : container.settings->mounts) {
    if (mount.type != "volume") continue;
    Event event{.type = "volume",
                .action = std::string(action),
                .actor = mount.name,
                .attributes = {{"container", container.id}, {"driver", mount.driver}}};
    if (action == "mount") {
      event.attributes["destination"] = mount.destination;
      event.attributes["propagation"] = mount.propagation;
      event.attributes["read/write"] = mount.rw ? "true" : "false";
    }
    events.publish(std::move(event));
  }
}

}  // namespace gantry::engine
