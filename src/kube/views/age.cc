// SPDX-License-Identifier: Apache-2.0
#include "kube/views/age.h"

#include <fmt/format.h>

#include "base/timestamp.h"

namespace gantry::kube::views {
namespace {

constexpr std::int64_t kMinute = 60, kHour = 60 * kMinute, kDay = 24 * kHour, kYear = 365 * kDay;
constexpr std::int64_t kNanoseconds = 1'000'000'000;  // in a second

// How much of a larger unit, then of a smaller one, if there is any: "5m30s", "5m".
std::string two_units(std::int64_t seconds, std::int64_t large, char large_name, std::int64_t small,
                      char small_name) {
  const std::int64_t rest = seconds % large / small;
  if (rest == 0) return fmt::format("{}{}", seconds / large, large_name);
  return fmt::format("{}{}{}{}", seconds / large, large_name, rest, small_name);
}

}  // namespace

std::string age_text(std::int64_t seconds) {
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  if (seconds < 2 * kMinute) return fmt::format("{}s", seconds);
  if (seconds < 10 * kMinute) return two_units(seconds, kMinute, 'm', 1, 's');
  if (seconds < 3 * kHour) return fmt::format("{}m", seconds / kMinute);
  if (seconds < 8 * kHour) return two_units(seconds, kHour, 'h', kMinute, 'm');
  if (seconds < 2 * kDay) return fmt::format("{}h", seconds / kHour);
  if (seconds < 8 * kDay) return two_units(seconds, kDay, 'd', kHour, 'h');
  if (seconds < 2 * kYear) return fmt::format("{}d", seconds / kDay);
  if (seconds < 8 * kYear) return two_units(seconds, kYear, 'y', kDay, 'd');
  return fmt::format("{}y", seconds / kYear);
}

std::string age_since(std::string_view time, std::int64_t now) {
  const auto then = parse_timestamp(time);
  if (!then) return "<unknown>";
  return age_text(now - *then / kNanoseconds);
}

}  // namespace gantry::kube::views
