// SPDX-License-Identifier: Apache-2.0
#include "cli/user_config.h"

#include <unistd.h>

#include <fmt/format.h>

#include "base/file.h"
#include "base/json_codec.h"
#include "cli/daemon_address.h"

namespace gantry::cli {

static void fields(json::Fields& f, UserConfig& config) {
  f("detachKeys", config.detach_keys);
  f("psFormat", config.ps_format);
  f("imagesFormat", config.images_format);
  f("networksFormat", config.networks_format);
  f("volumesFormat", config.volumes_format);
  f("statsFormat", config.stats_format);
  f("HttpHeaders", config.http_headers);
}

Result<UserConfig> UserConfig::load() {
  const std::string path = docker_config_directory() + "/config.json";
  const Result<std::string> text = read_file(path);
  if (!text) return UserConfig{};  // most have none, and some may not look
  const auto read = [&]() -> Result<UserConfig> {
    const json::Document document = TRY(json::Document::parse(*text));
    return json::decode<UserConfig>(document.root());
  };
  return TRY_DURING(read(), "read '{}'", path);
}

const UserConfig& user_config() {
  static const UserConfig kConfig = [] {
    auto config = UserConfig::load();
    if (config) return *std::move(config);
    (void)write_all(STDERR_FILENO, fmt::format("WARNING: {}\n", config.error().message()), "standard error");
    return UserConfig{};
  }();
  return kConfig;
}

}  // namespace gantry::cli
