// SPDX-License-Identifier: Apache-2.0
//
// How many containers are in which state, in the three words of GET /info and of metrics.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/container_record.h"

namespace gantry::docker {

struct ContainerCounts {
  std::size_t running = 0, paused = 0, stopped = 0;

  static ContainerCounts of(const std::vector<engine::ContainerRef>& containers) {
    ContainerCounts counts;
    for (const auto& container : containers) switch (container->state.status) {
        case engine::Status::Running:
        case engine::Status::Restarting: ++counts.running; break;
        case engine::Status::Paused: ++counts.paused; break;
        default: ++counts.stopped;
      }
    return counts;
  }
};

}  // namespace gantry::docker
