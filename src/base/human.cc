// SPDX-License-Identifier: Apache-2.0
#include "base/human.h"

#include <array>
#include <string_view>

#include <fmt/format.h>

namespace gantry {

std::string human_size(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 7> kUnits = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1000 && unit + 1 < kUnits.size(); ++unit) value /= 1000;
  // 999.9 kB has three digits only as 1e+03.
  if (value >= 999.5 && unit > 0 && unit + 1 < kUnits.size()) value /= 1000, ++unit;
  return fmt::format("{:.3g}{}", value, kUnits[unit]);
}

std::string human_duration(std::chrono::seconds duration) {
  using namespace std::chrono;
  const auto seconds = duration.count();
  const auto plural = [](auto count, std::string_view unit) {
    return std::to_string(count).append(" ").append(unit);
  };
  if (seconds < 1) return "Less than a second";
  if (seconds == 1) return "1 second";
  if (seconds < 60) return plural(seconds, "seconds");
  const auto minutes = duration_cast<std::chrono::minutes>(duration).count();
  if (minutes == 1) return "About a minute";
  if (minutes < 60) return plural(minutes, "minutes");
  const auto hours = (minutes + 30) / 60;
  if (hours == 1) return "About an hour";
  if (hours < 48) return plural(hours, "hours");
  if (hours < 24 * 7 * 2) return plural(hours / 24, "days");
  if (hours < 24 * 30 * 2) return plural(hours / 24 / 7, "weeks");
  if (hours < 24 * 365 * 2) return plural(hours / 24 / 30, "months");
  return plural(hours / 24 / 365, "years");
}

}  // namespace gantry
