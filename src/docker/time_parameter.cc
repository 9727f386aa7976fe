// SPDX-License-Identifier: Apache-2.0
#include "docker/time_parameter.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <ctime>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "base/timestamp.h"

namespace gantry::docker {
namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;
// What a time may be away from 1970, so that sums of two still fit: 146 years.
constexpr double kMost = double(std::numeric_limits<std::int64_t>::max() / 2);

// "1.5" off the beginning; nullopt when there is none.
std::optional<double> take_number(std::string_view& text) {
  double number = 0;
  const auto [end, failure] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (failure != std::errc() || !std::isfinite(number) || number < 0) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

// "ms" off the beginning, as nanoseconds.
std::optional<double> take_unit(std::string_view& text) {
  static constexpr std::pair<std::string_view, double> kUnits[] = {
      {"ns", 1}, {"us", 1e3}, {"µs", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};
  for (const auto& [word, nanoseconds] : kUnits) {
    if (!text.starts_with(word)) continue;
    text.remove_prefix(word.size());
    return nanoseconds;
  }
  return std::nullopt;
}

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

Result<std::int64_t> parse_duration(std::string_view text) {
  const auto refuse = [&] { return error(Code::InvalidArgument, "invalid duration '{}'", text); };
  std::string_view rest = text;
  const bool is_negative = rest.starts_with('-');
  if (is_negative || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest == "0") return 0;
  if (rest.empty()) return refuse();
  double sum = 0;
  while (!rest.empty()) {
    const auto number = take_number(rest);
    const auto unit = number ? take_unit(rest) : std::nullopt;
    if (!unit) return refuse();
    sum += *number * *unit;
  }
  if (sum > kMost) return refuse();
  return static_cast<std::int64_t>(is_negative ? -sum : sum);
}

Result<std::int64_t> parse_time(std::string_view text, std::int64_t now) {
  if (const auto time = unix_time(text)) return *time;
  if (const auto time = parse_timestamp(text)) return *time;
  if (const auto time = local_time(std::string(text))) return *time;
  if (const auto duration = parse_duration(text)) return now - *duration;
  return error(Code::InvalidArgument,
               "invalid time '{}': neither seconds since 1970, nor RFC 3339, nor a duration", text);
}

}  // namespace gantry::docker
