// SPDX-License-Identifier: Apache-2.0
//
// Which file serves what of the Docker API: a table each, gathered by server.cc in this order.
#pragma once

#include <span>

#include "docker/router.h"

namespace gantry::docker {

// ---- images
std::span<const Route> image_routes();         // images.cc: list, inspect, history, tag, remove, prune
std::span<const Route> image_create_routes();  // image_pull.cc: pull, import
std::span<const Route> image_push_routes();
std::span<const Route> image_archive_routes();  // image_archive.cc: get, load
std::span<const Route> registry_routes();       // registry.cc: auth, distribution, search
std::span<const Route> build_routes();          // build.cc: build and its cache; session and grpc

// ---- networks and volumes
std::span<const Route> network_routes();
std::span<const Route> volume_routes();

// ---- the system
std::span<const Route> disk_usage_routes();

// ---- what this engine does not do, and says as Docker does where it is off
std::span<const Route> plugin_routes();
std::span<const Route> swarm_routes();

}  // namespace gantry::docker
