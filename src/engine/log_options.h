// SPDX-License-Identifier: Apache-2.0
//
// HostConfig.LogConfig: which driver, and how much of a log is kept. Logs are bounded unless somebody asks
// for another thing: 5 files of 20 MB, rotated ones compressed.
//
//   LogSettings settings = TRY(parse_log_config(host_config.log_config, engine.options().log_config));
//   shim options: settings.max_bytes, settings.max_files
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "container/settings.h"

namespace gantry::engine {

enum class LogDriver : std::uint8_t { JsonFile, Local, None, Syslog, Journald, Fluentd };
constexpr std::array<std::string_view, 6> names_of(LogDriver) {
  return {"json-file", "local", "none", "syslog", "journald", "fluentd"};
}
constexpr std::string_view name_of(LogDriver driver) {
  return names_of(driver)[static_cast<std::size_t>(driver)];
}

struct LogSettings {
  LogDriver driver = LogDriver::JsonFile;
  // Of the files that every driver but "none" has (docs/formats/container-log.md).
  std::uint64_t max_bytes = 20'000'000;  // of one file; 0: never rotated, because somebody asked for it
  unsigned max_files = 5;                // with the current one
  bool compress = true;                  // rotated ones
  // What goes with every line where a client asks for details, and to other services: labels, variables of
  // the environment, by name.
  std::map<std::string, std::string> attributes;
  std::string tag;                             // as given; empty: the driver's default
  std::map<std::string, std::string> options;  // of the driver, as they were given
  // Of a service that does not answer: how long to wait, and how often in vain before the rest of the log
  // stays in its files.
  std::chrono::milliseconds retry_wait{300};
  std::optional<std::uint32_t> max_retries;

  bool has_file() const { return driver != LogDriver::None; }
  bool has_service() const { return driver >= LogDriver::Syslog; }
  // An option that is true or false, checked already; false where it is not given.
  bool is_on(const std::string& option) const;
};

// An absent type is that of `defaults`, whose options count only then or for the same type. InvalidArgument
// in Docker's words: "unknown log opt 'x' for json-file log driver".
Result<LogSettings> parse_log_config(const container::LogConfig& config,
                                     const container::LogConfig& defaults);
// The same, with the attributes that the options `labels`, `labels-regex`, `env` and `env-regex` choose.
Result<LogSettings> parse_log_config(const container::LogConfig& config, const container::LogConfig& defaults,
                                     const container::Config& container);

// "10m", "1.5g", "512": bytes, by powers of 1024; "-1" and "0": 0.
Result<std::uint64_t> parse_log_size(std::string_view text);

}  // namespace gantry::engine
