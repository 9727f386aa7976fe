// SPDX-License-Identifier: Apache-2.0
#include "daemon/config.h"

#include <algorithm>
#include <array>

#include "base/file.h"
#include "base/json.h"

namespace gantry::daemon {
namespace {

constexpr std::array<std::string_view, 3> kRolesToCome = {"console", "farm", "node"};
constexpr std::string_view kRoles = "'controlPlane', 'engine' and 'registry'";

Result<void> read_role(Config& config, std::string_view name, const json::Value& value) {
  if (name == "registry") {
    config.registry = TRY_DURING(registry::Config::parse(value.to_text()), "roles.registry");
    return {};
  }
  if (name == "engine") {
    config.engine = TRY_DURING(EngineConfig::parse(value.to_text()), "roles.engine");
    return {};
  }
  if (name == "controlPlane") {
    config.control_plane = TRY_DURING(ControlPlaneConfig::parse(value.to_text()), "roles.controlPlane");
    return {};
  }
  if (std::ranges::find(kRolesToCome, name) != kRolesToCome.end())
    return error(Code::Unsupported, "roles.{}: this role is not there yet; there are {}", name, kRoles);
  return error(Code::InvalidArgument, "roles.{}: there is no such role; there are {}", name, kRoles);
}

}  // namespace

Result<Config> Config::parse(std::string_view json) {
  const json::Document document = TRY(json::Document::parse(std::string(json)));
  const json::Value root = document.root();
  if (root.kind() != json::Kind::Object)
    return error(Code::InvalidArgument, "expected an object, not {}", json::name_of(root.kind()));
  Config config;
  for (std::size_t i = 0; i < root.size(); ++i) {
    const json::Value value = root.at(i);
    if (root.key(i) == "root") {
      config.root = value.as_string();
      if (!config.root.starts_with('/'))
        return error(Code::InvalidArgument, "root: expected an absolute path");
    } else if (root.key(i) == "roles") {
      if (value.kind() != json::Kind::Object)
        return error(Code::InvalidArgument, "roles: expected an object, not {}", json::name_of(value.kind()));
      for (std::size_t role = 0; role < value.size(); ++role)
        TRY(read_role(config, value.key(role), value.at(role)));
    } else {
      return error(Code::InvalidArgument, "unknown key '{}'", root.key(i));
    }
  }
  if (!config.registry && !config.engine && !config.control_plane)
    return error(Code::InvalidArgument, "roles: there is none, so nothing to do");
  return config;
}

Result<Config> Config::load(const std::string& path) {
  const std::string text = TRY_DURING(read_file(path), "configuration of gantryd");
  return TRY_DURING(parse(text), "configuration of gantryd '{}'", path);
}

}  // namespace gantry::daemon
