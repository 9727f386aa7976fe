// SPDX-License-Identifier: Apache-2.0
#include "container/merge_image.h"

#include <algorithm>
#include <string_view>

namespace gantry::container {
namespace {

std::string_view name_of(std::string_view variable) { return variable.substr(0, variable.find('=')); }

auto find_variable(std::vector<std::string>& environment, std::string_view name) {
  return std::ranges::find_if(environment, [&](const std::string& one) { return name_of(one) == name; });
}

template <class T>
void inherit(T& own, const T& inherited) {
  if (own == T()) own = inherited;
}

void merge_healthcheck(std::optional<HealthConfig>& own, const std::optional<HealthConfig>& image) {
  if (!image) return;
  if (!own) {
    own = image;
    return;
  }
  inherit(own->test, image->test);
  inherit(own->interval, image->interval);
  inherit(own->timeout, image->timeout);
  inherit(own->start_period, image->start_period);
  inherit(own->start_interval, image->start_interval);
  inherit(own->retries, image->retries);
}

void merge_command(Config& config, const oci::ContainerConfig& image) {
  // {""} puts the image's Cmd aside, too; then it has done its work.
  if (config.entrypoint.value_or(Words{}).empty() && config.cmd.empty()) {
    config.cmd = image.cmd;
    config.args_escaped = image.args_escaped;
  }
  if (!config.entrypoint && !image.entrypoint.empty()) config.entrypoint = image.entrypoint;
  if (config.entrypoint == Words{""}) config.entrypoint.reset();
}

}  // namespace

std::vector<std::string> merge_environment(std::vector<std::string> base,
                                           const std::vector<std::string>& changes) {
  for (const std::string& change : changes) {
    const std::string_view name = name_of(change);
    const auto found = find_variable(base, name);
    const bool takes_away = name.size() == change.size();
    if (takes_away) {
      if (found != base.end()) base.erase(found);
    } else if (found != base.end()) {
      *found = change;
    } else {
      base.push_back(change);
    }
  }
  return base;
}

Config merge_image_settings(Config config, const oci::ContainerConfig& image) {
  merge_command(config, image);
  inherit(config.user, image.user);
  inherit(config.working_dir, image.working_dir);
  inherit(config.stop_signal, image.stop_signal);
  inherit(config.stop_timeout, image.stop_timeout);
  inherit(config.shell, image.shell);
  merge_healthcheck(config.healthcheck, image.healthcheck);
  config.exposed_ports.insert(image.exposed_ports.begin(), image.exposed_ports.end());
  config.volumes.insert(image.volumes.begin(), image.volumes.end());
  config.labels.insert(image.labels.begin(), image.labels.end());
  for (const std::string& variable : image.env)
    if (find_variable(config.env, name_of(variable)) == config.env.end()) config.env.push_back(variable);
  return config;
}

Result<Config> merge_image(Config config, const oci::ContainerConfig& image) {
  Config merged = merge_image_settings(std::move(config), image);
  if (merged.entrypoint.value_or(Words{}).empty() && merged.cmd.empty())
    return error(Code::InvalidArgument, "no command specified");
  return merged;
}

}  // namespace gantry::container
