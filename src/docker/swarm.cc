// SPDX-License-Identifier: Apache-2.0
//
// Swarm mode, which this engine does not have: what is asked of it is answered as by a Docker host that is in
// no swarm, so that clients which look before they do something see just that.
#include "docker/call.h"
#include "docker/endpoints.h"

namespace gantry::docker {
namespace {

Result<void> not_a_manager(const Context&, Call& call) {
  return call.refuse(
      503,
      "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to "
      "connect this node to swarm and try again.");
}

Result<void> not_part_of_a_swarm(const Context&, Call& call) {
  return call.refuse(503, "This node is not part of a swarm");
}

Result<void> no_swarm(const Context&, Call& call) {
  return call.refuse(501, "swarm mode is not part of this engine");
}

}  // namespace

std::span<const Route> swarm_routes() {
  static constexpr Route kRoutes[] = {
      {"POST", "/swarm/init", no_swarm},
      {"POST", "/swarm/join", no_swarm},
      {"POST", "/swarm/leave", not_part_of_a_swarm},
      {"POST", "/swarm/unlock", not_part_of_a_swarm},
      {"GET", "/swarm", not_a_manager},
      {"GET", "/swarm/unlockkey", not_a_manager},
      {"POST", "/swarm/update", not_a_manager},
      {"GET", "/nodes", not_a_manager},
      {"GET", "/nodes/{id}", not_a_manager},
      {"DELETE", "/nodes/{id}", not_a_manager},
      {"POST", "/nodes/{id}/update", not_a_manager},
      {"GET", "/services", not_a_manager},
      {"POST", "/services/create", not_a_manager},
      {"GET", "/services/{id}", not_a_manager},
      {"DELETE", "/services/{id}", not_a_manager},
      {"POST", "/services/{id}/update", not_a_manager},
      {"GET", "/services/{id}/logs", not_a_manager},
      {"GET", "/tasks", not_a_manager},
      {"GET", "/tasks/{id}", not_a_manager},
      {"GET", "/tasks/{id}/logs", not_a_manager},
      {"GET", "/secrets", not_a_manager},
      {"POST", "/secrets/create", not_a_manager},
      {"GET", "/secrets/{id}", not_a_manager},
      {"DELETE", "/secrets/{id}", not_a_manager},
      {"POST", "/secrets/{id}/update", not_a_manager},
      {"GET", "/configs", not_a_manager},
      {"POST", "/configs/create", not_a_manager},
      {"GET", "/configs/{id}", not_a_manager},
      {"DELETE", "/configs/{id}", not_a_manager},
      {"POST", "/configs/{id}/update", not_a_manager},
      {"PUT", "/volumes/{name}", not_a_manager},  // only volumes of a cluster can be changed
  };
  return kRoutes;
}

}  // namespace gantry::docker
