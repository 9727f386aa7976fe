// SPDX-License-Identifier: Apache-2.0
//
// Which file serves what of the Docker API: a table each, gathered by server.cc in this order.
#pragma once

#include <span>

#include "docker/router.h"

namespace gantry::docker {

// ---- containers
std::span<const Route> container_routes();          // containers.cc: create, start, stop, … remove, prune
std::span<const Route> container_view_routes();     // container_list.cc: list, inspect
std::span<const Route> container_content_routes();  // container_content.cc: top, changes, commit
std::span<const Route> archive_routes();            // archive.cc: archive, export
std::span<const Route> attach_routes();
std::span<const Route> wait_routes();
std::span<const Route> log_routes();
std::span<const Route> stats_routes();
std::span<const Route> exec_routes();

// ---- images
std::span<const Route> image_routes();         // images.cc: list, inspect, history, tag, remove, prune
std::span<const Route> image_create_routes();  // image_pull.cc: pull, import
std::span<const Route> image_push_routes();
std::span<const Route> image_archive_routes();  // image_archive.cc: get, load
std::span<const Route> image_search_routes();
std::span<const Route> registry_routes();  // registry.cc: auth, distribution
std::span<const Route> build_routes();     // build.cc: build and its cache
std::span<const Route> buildkit_routes();  // session and grpc

// ---- networks and volumes
std::span<const Route> network_routes();
std::span<const Route> volume_routes();

// ---- the system
std::span<const Route> system_routes();  // system.cc: _ping, version, info
std::span<const Route> event_routes();
std::span<const Route> disk_usage_routes();
std::span<const Route> metrics_routes();

// ---- what this engine does not do, and says as Docker does where it is off
std::span<const Route> plugin_routes();
std::span<const Route> swarm_routes();

// ---- Gantry's own, below /gantry/v1: docs/formats/gantry-api.md
std::span<const Route> trace_routes();  // own_trace.cc
std::span<const Route> check_routes();  // own_check.cc
std::span<const Route> pod_routes();    // own_pods.cc
std::span<const Route> usage_routes();  // own_usage.cc

}  // namespace gantry::docker
