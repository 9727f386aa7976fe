// SPDX-License-Identifier: Apache-2.0
//
// What gantryd is told: one JSON file, docs/formats/gantryd-config.md. A key that is not known is an error.
//
//   Config config = TRY(Config::load("/etc/gantry/gantryd.json"));
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "daemon/control_plane_config.h"
#include "daemon/engine_config.h"
#include "registry/config.h"

namespace gantry::daemon {

struct Config {
  std::string root = "/var/lib/gantry";  // of the image store
  std::optional<ControlPlaneConfig> control_plane;
  std::optional<EngineConfig> engine;
  std::optional<registry::Config> registry;

  // Unsupported for a role that gantryd is to have and has not yet; InvalidArgument for no role at all.
  static Result<Config> parse(std::string_view json);
  static Result<Config> load(const std::string& path);
};

}  // namespace gantry::daemon
