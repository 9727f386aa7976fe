// SPDX-License-Identifier: Apache-2.0
//
// Managed plugins, which this engine does not have: there are none, and none can be installed.
#include <fmt/format.h>

#include "docker/call.h"
#include "docker/endpoints.h"
#include "docker/filters.h"

namespace gantry::docker {
namespace {

Result<void> list(const Context&, Call& call) {
  TRY(Filters::parse(call.text("filters"), {"capability", "enabled"}));
  return call.send_json("[]");
}

Result<void> not_found(const Context&, Call& call) {
  return call.refuse(404, fmt::format("plugin \"{}\" not found", call.parameter(0)));
}

Result<void> not_possible(const Context&, Call& call) {
  return call.refuse(501, "plugins are not part of this engine");
}

}  // namespace

std::span<const Route> plugin_routes() {
  static constexpr Route kRoutes[] = {
      {"GET", "/plugins", list},
      {"GET", "/plugins/privileges", not_possible},
      {"POST", "/plugins/pull", not_possible},
      {"POST", "/plugins/create", not_possible},
      {"GET", "/plugins/{name...}/json", not_found},
      {"DELETE", "/plugins/{name...}", not_found},
      {"POST", "/plugins/{name...}/enable", not_found},
      {"POST", "/plugins/{name...}/disable", not_found},
      {"POST", "/plugins/{name...}/upgrade", not_found},
      {"POST", "/plugins/{name...}/push", not_found},
      {"POST", "/plugins/{name...}/set", not_found},
  };
  return kRoutes;
}

}  // namespace gantry::docker
