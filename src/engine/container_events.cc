// SPDX-License-Identifier: Apache-2.0
#include "engine/container_events.h"

#include <utility>

#include "engine/object_events.h"

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

void publish_mount_events(Events& events, const ContainerRecord& container, std::string_view action) {
  for (const container::MountPoint& mount : container.settings->mounts)
    if (mount.type == "volume") publish_mount_event(events, action, mount, container.id);
}

}  // namespace gantry::engine
