// SPDX-License-Identifier: Apache-2.0
//
// What the user prefers, from config.json in the directory that docker's users have for it (DOCKER_CONFIG,
// else ~/.docker). Of it is read what changes how verbs behave; credentials are image/transfer's.
#pragma once

#include <map>
#include <string>

#include "base/error.h"

namespace gantry::cli {

struct UserConfig {
  std::string detach_keys;               // where --detach-keys is not given
  std::string ps_format, images_format;  // where --format is not given
  std::string networks_format, volumes_format, stats_format;
  std::map<std::string, std::string> http_headers;  // with every request to the daemon

  // Without the file: nothing. InvalidArgument for one that cannot be read, with its name.
  static Result<UserConfig> load();
};

// That of this process' user, read when it is asked for first. As docker does: one that is broken is told on
// standard error, and left alone.
const UserConfig& user_config();

// What an option says, or else the user's configuration.
inline const std::string& or_configured(const std::string& option, const std::string& configured) {
  return option.empty() ? configured : option;
}

}  // namespace gantry::cli
