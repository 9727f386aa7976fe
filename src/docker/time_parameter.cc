// SPDX-License-Identifier: Apache-2.0
#include "docker/time_parameter.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>
#include <limits>
#include <optional>
#include <string>

#include "base/duration.h"
#include "base/timestamp.h"

namespace gantry::docker {
namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;
// What a time may be away from 1970, so that sums of two still fit: 146 years.
constexpr double kMost = double(std::numeric_limits<std::int64_t>::max() / 2);

// Seconds and their fraction apart, since a double is too coarse for nanoseconds since 1970.
std::optional<std::int64_t> unix_time(std::string_view text) {
  const std::size_t point = std::min(text.find('.'), text.size());
  std::int64_t seconds = 0;
  const char* end = text.data() + point;
  if (const auto [stop, failure] = std::from_chars(text.data(), end, seconds);
      failure != std::errc() || stop != end)
    return std::nullopt;
  std::int64_t fraction = 0;
  if (point < text.size()) {
    std::string digits(text.substr(point + 1, 9));
    if (!std::ranges::all_of(text.substr(point + 1), [](char c) { return c >= '0' && c <= '9'; }))
      return std::nullopt;
    digits.resize(9, '0');
    (void)std::from_chars(digits.data(), digits.data() + digits.size(), fraction);  // nine digits
  }
  if (std::abs(double(seconds)) * 1e9 > kMost) return std::nullopt;
  return seconds * kNsPerSecond + (seconds < 0 ? -fraction : fraction);
}

// RFC 3339 without an offset, or less of it.
std::optional<std::int64_t> local_time(const std::string& text) {
  for (const char* format : {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H", "%Y-%m-%d"}) {
    tm parts{};
    parts.tm_isdst = -1;
    const char* end = ::strptime(text.c_str(), format, &parts);
    if (end == nullptr) continue;
    std::string rest = end;
    if (rest.starts_with('.'))  // a fraction of the second, which strptime(3) does not know
      rest.erase(0, std::min(rest.find_first_not_of("0123456789", 1), rest.size()));
    const std::time_t seconds = rest == "Z" ? ::timegm(&parts) : ::mktime(&parts);
    if ((rest.empty() || rest == "Z") && std::abs(double(seconds)) * 1e9 <= kMost)
      return std::int64_t{seconds} * kNsPerSecond;
  }
  return std::nullopt;
}

}  // namespace

Result<std::int64_t> parse_time(std::string_view text, std::int64_t now) {
  if (const auto time = unix_time(text)) return *time;
  if (const auto time = parse_timestamp(text)) return *time;
  if (const auto time = local_time(std::string(text))) return *time;
  if (const auto duration = parse_duration(text)) return now - duration->count();
  return error(Code::InvalidArgument,
               "invalid time '{}': neither seconds since 1970, nor RFC 3339, nor a duration", text);
}

}  // namespace gantry::docker
