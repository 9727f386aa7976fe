// SPDX-License-Identifier: Apache-2.0
#include "cli/docker/moment.h"

#include <algorithm>
#include <ctime>

#include "base/human.h"
#include "base/timestamp.h"

namespace gantry::cli::docker {

std::string ago(std::int64_t seconds) {
  const std::int64_t passed = wall_clock_now().tv_sec - seconds;
  return human_duration(std::chrono::seconds(std::max<std::int64_t>(passed, 0))) + " ago";
}

std::string local_time(std::int64_t seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  char text[64];
  if (::localtime_r(&time, &parts) == nullptr) return "";
  return std::string(text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %z %Z", &parts));
}

std::string rfc3339(std::int64_t seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  char date[32], zone[8];
  if (::localtime_r(&time, &parts) == nullptr) return "";
  (void)std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
  (void)std::strftime(zone, sizeof zone, "%z", &parts);
  const std::string_view digits = zone;  // "+0100"
  if (digits.size() != 5 || digits == "+0000") return fmt::format("{}Z", date);
  return fmt::format("{}{}:{}", date, digits.substr(0, 3), digits.substr(3));
}

std::int64_t seconds_of(std::string_view timestamp) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  return parse_timestamp(timestamp).value_or(0) / kSecond;
}

}  // namespace gantry::cli::docker
