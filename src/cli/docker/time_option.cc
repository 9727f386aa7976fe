// SPDX-License-Identifier: Apache-2.0
#include "cli/docker/time_option.h"

#include <ctime>

#include <fmt/format.h>

#include "base/duration.h"
#include "base/printable.h"
#include "base/timestamp.h"

namespace gantry::cli::docker {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

std::string seconds_text(std::int64_t nanoseconds) {
  return fmt::format("{}.{:09}", nanoseconds / kSecond, nanoseconds % kSecond);
}

// Local times as far as they are written: "2026-01-02", "2026-01-02T15:04", "2026-01-02T15:04:05".
std::optional<std::int64_t> parse_local(const std::string& text) {
  for (const char* form : {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"}) {
    std::tm time{};
    time.tm_isdst = -1;
    const char* end = ::strptime(text.c_str(), form, &time);
    if (end != nullptr && *end == '\0') return static_cast<std::int64_t>(std::mktime(&time)) * kSecond;
  }
  return std::nullopt;
}

}  // namespace

Result<std::string> time_option(std::string_view option, std::string_view text) {
  if (text.empty()) return std::string();
  if (text.find_first_not_of("0123456789.") == std::string_view::npos) return std::string(text);
  if (const auto duration = parse_duration(text)) return seconds_text(wall_clock_ns() - duration->count());
  if (const auto time = parse_timestamp(text)) return seconds_text(*time);
  if (const auto time = parse_local(std::string(text))) return seconds_text(*time);
  return error(Code::InvalidArgument, "option '--{}' needs a time, not '{}'", option, printable(text));
}

}  // namespace gantry::cli::docker
