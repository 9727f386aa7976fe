// SPDX-License-Identifier: Apache-2.0
#include "engine/log_options.h"

#include <regex.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/duration.h"
#include "engine/log_address.h"
#include "engine/log_encoder.h"
#include "engine/log_tag.h"

namespace gantry::engine {
namespace {

using container::LogConfig;

// A file that holds less would be rotated at every write of the container.
constexpr std::uint64_t kSmallestFile = 4096;  // bytes
constexpr unsigned kMostFiles = 1000;

Error unknown_option(std::string_view option, LogDriver driver) {
  return error(Code::InvalidArgument, "unknown log opt '{}' for {} log driver", option, name_of(driver));
}

std::optional<LogDriver> parse_driver(std::string_view word) {
  constexpr auto kWords = names_of(LogDriver{});
  const auto found = std::ranges::find(kWords, word);
  if (found == kWords.end()) return std::nullopt;
  return static_cast<LogDriver>(found - kWords.begin());
}

// Options that every driver has, but "none".
constexpr std::string_view kCommon[] = {"mode", "max-buffer-size"};
constexpr std::string_view kFiles[] = {"max-size", "max-file", "compress"};
constexpr std::string_view kAttributes[] = {"labels", "labels-regex", "env", "env-regex", "tag"};

// What each service takes besides.
std::vector<std::string_view> options_of(LogDriver driver) {
  switch (driver) {
    case LogDriver::Syslog:
      return {"syslog-address",  "syslog-facility", "syslog-format",         "syslog-tls-ca-cert",
              "syslog-tls-cert", "syslog-tls-key",  "syslog-tls-skip-verify"};
    case LogDriver::Fluentd:
      return {"fluentd-address",
              "fluentd-async",
              "fluentd-async-connect",
              "fluentd-async-reconnect-interval",
              "fluentd-buffer-limit",
              "fluentd-max-retries",
              "fluentd-request-ack",
              "fluentd-retry-wait",
              "fluentd-sub-second-precision"};
    default: return {};
  }
}

template <class List>
bool has(const List& list, std::string_view word) {
  return std::ranges::find(list, word) != std::end(list);
}

Result<void> check_option(LogDriver driver, const std::string& key) {
  if (driver == LogDriver::None ||
      !(has(kCommon, key) || has(kFiles, key) || has(kAttributes, key) || has(options_of(driver), key)))
    return unknown_option(key, driver);
  return {};
}

Result<bool> parse_bool(const std::string& key, const std::string& text) {
  for (const char* yes : {"true", "1", "t", "T", "TRUE", "True"})
    if (text == yes) return true;
  for (const char* no : {"false", "0", "f", "F", "FALSE", "False"})
    if (text == no) return false;
  return error(Code::InvalidArgument, "log opt '{}': '{}' is neither true nor false", key, text);
}

// How fluentd is spoken to. The log's files are the buffer, so that it has no limit of its own: the option is
// checked for clients that have it, and max-size and max-file say how much is kept.
Result<void> apply_fluentd_option(LogSettings& settings, const std::string& key, const std::string& value) {
  if (key == "fluentd-retry-wait" || key == "fluentd-async-reconnect-interval") {
    const auto wait = TRY_DURING(parse_duration(value), "log opt '{}'", key);
    if (wait < std::chrono::milliseconds(1) || wait > std::chrono::hours(1))
      return error(Code::InvalidArgument, "log opt '{}': '{}' is not between 1ms and 1h", key, value);
    settings.retry_wait = std::chrono::duration_cast<std::chrono::milliseconds>(wait);
  } else if (key == "fluentd-max-retries") {
    std::uint32_t retries = 0;
    const char* end = value.data() + value.size();
    if (const auto [stop, failure] = std::from_chars(value.data(), end, retries);
        failure != std::errc{} || stop != end)
      return error(Code::InvalidArgument, "log opt '{}': '{}' is no number of times", key, value);
    settings.max_retries = retries;
  } else if (key == "fluentd-buffer-limit") {
    (void)TRY_DURING(parse_log_size(value), "log opt '{}'", key);
  } else if (key != "fluentd-address") {
    (void)TRY(parse_bool(key, value));
  }
  return {};
}

Result<void> apply_option(LogSettings& settings, const std::string& key, const std::string& value) {
  if (key == "max-size") {
    settings.max_bytes = TRY_DURING(parse_log_size(value), "log opt 'max-size'");
    if (settings.max_bytes != 0 && settings.max_bytes < kSmallestFile)
      return error(Code::InvalidArgument, "log opt 'max-size': '{}' is less than {} bytes", value,
                   kSmallestFile);
  } else if (key == "max-file") {
    const auto [end, failure] =
        std::from_chars(value.data(), value.data() + value.size(), settings.max_files);
    if (failure != std::errc{} || end != value.data() + value.size() || settings.max_files == 0 ||
        settings.max_files > kMostFiles)
      return error(Code::InvalidArgument, "log opt 'max-file': '{}' is not a number from 1 to {}", value,
                   kMostFiles);
  } else if (key == "compress") {
    settings.compress = TRY(parse_bool(key, value));
  } else if (key == "tag") {
    settings.tag = value;
  } else if (key.starts_with("fluentd-")) {
    TRY(apply_fluentd_option(settings, key, value));
  } else if (key == "mode" && value != "blocking" && value != "non-blocking") {
    return error(Code::InvalidArgument, "log opt 'mode': '{}' is neither blocking nor non-blocking", value);
  }
  return {};
}

std::set<std::string> split_names(std::string_view list) {
  std::set<std::string> names;
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    if (comma != 0) names.emplace(list.substr(0, comma));
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  }
  return names;
}

// A regular expression of POSIX, which covers what people write there.
class Pattern {
 public:
  static Result<Pattern> compile(const std::string& option, const std::string& text) {
    Pattern pattern;
    pattern.is_compiled_ = ::regcomp(&pattern.regex_, text.c_str(), REG_EXTENDED | REG_NOSUB) == 0;
    if (!pattern.is_compiled_)
      return error(Code::InvalidArgument, "log opt '{}': '{}' is no regular expression", option, text);
    return pattern;
  }
  Pattern(Pattern&& other) noexcept
      : regex_(other.regex_), is_compiled_(std::exchange(other.is_compiled_, false)) {}
  ~Pattern() {
    if (is_compiled_) ::regfree(&regex_);
  }
  bool matches(const std::string& text) const { return ::regexec(&regex_, text.c_str(), 0, nullptr, 0) == 0; }

 private:
  Pattern() = default;
  regex_t regex_{};
  bool is_compiled_ = false;
};

// Those of `all` that the option `list` names, or the option `<list>-regex` fits.
Result<void> choose(LogSettings& settings, const std::string& list, const container::StringMap& all) {
  std::set<std::string> names;
  if (const auto option = settings.options.find(list); option != settings.options.end())
    names = split_names(option->second);
  std::optional<Pattern> pattern;
  if (const auto option = settings.options.find(list + "-regex"); option != settings.options.end())
    pattern.emplace(TRY(Pattern::compile(list + "-regex", option->second)));
  for (const auto& [name, value] : all)
    if (names.contains(name) || (pattern && pattern->matches(name))) settings.attributes[name] = value;
  return {};
}

}  // namespace

bool LogSettings::is_on(const std::string& option) const {
  const auto found = options.find(option);
  return found != options.end() && parse_bool(option, found->second).value_or(false);
}

Result<std::uint64_t> parse_log_size(std::string_view text) {
  if (text == "-1" || text == "0") return std::uint64_t{0};
  double number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  if (unit.ends_with('b') || unit.ends_with('B')) unit.remove_suffix(1);
  constexpr std::string_view kUnits = "kmgt";
  double factor = 1;
  if (unit.size() == 1) {
    const std::size_t power = kUnits.find(static_cast<char>(unit[0] | 0x20));
    if (power != std::string_view::npos) {
      factor = std::pow(1024.0, static_cast<double>(power) + 1);
      unit = {};
    }
  }
  const double bytes = number * factor;
  if (failure != std::errc{} || !unit.empty() || !(bytes >= 1) || bytes > 1e18)
    return error(Code::InvalidArgument, "invalid size: '{}'", text);
  return static_cast<std::uint64_t>(bytes);
}

Result<LogSettings> parse_log_config(const LogConfig& config, const LogConfig& defaults) {
  LogSettings settings;
  const std::string& usual = defaults.type.empty() ? "json-file" : defaults.type;
  const std::string& type = config.type.empty() ? usual : config.type;
  const std::optional<LogDriver> driver = parse_driver(type);
  if (!driver)
    return error(Code::InvalidArgument, "error looking up logging plugin {0}: plugin \"{0}\" not found",
                 type);
  settings.driver = *driver;
  if (settings.driver == LogDriver::Fluentd) settings.retry_wait = std::chrono::seconds(1);
  if (type == usual) settings.options = defaults.config;
  for (const auto& [key, value] : config.config) settings.options[key] = value;
  for (const auto& [key, value] : settings.options) {
    TRY(check_option(settings.driver, key));
    TRY(apply_option(settings, key, value));
  }
  return settings;
}

Result<LogSettings> parse_log_config(const LogConfig& config, const LogConfig& defaults,
                                     const container::Config& container) {
  LogSettings settings = TRY(parse_log_config(config, defaults));
  TRY(choose(settings, "labels", container.labels));
  container::StringMap environment;
  for (const std::string& variable : container.env)
    if (const std::size_t equals = variable.find('='); equals != std::string::npos)
      environment[variable.substr(0, equals)] = variable.substr(equals + 1);
  TRY(choose(settings, "env", environment));
  TRY(expand_log_tag(settings.tag, {}));
  // What is wrong with an address is to be said when the container is made.
  if (settings.has_service()) {
    (void)TRY(LogAddress::of(settings));
    (void)TRY(make_log_encoder(settings, {}));
  }
  return settings;
}

}  // namespace gantry::engine
