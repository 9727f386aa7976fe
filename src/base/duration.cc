// SPDX-License-Identifier: Apache-2.0
#include "base/duration.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include "base/printable.h"

namespace gantry {
namespace {

// Nanoseconds, so that sums of two still fit.
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

}  // namespace

Result<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  const auto refuse = [&] { return error(Code::InvalidArgument, "invalid duration '{}'", printable(text)); };
  std::string_view rest = text;
  const bool is_negative = rest.starts_with('-');
  if (is_negative || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest == "0") return std::chrono::nanoseconds(0);
  if (rest.empty()) return refuse();
  double sum = 0;
  while (!rest.empty()) {
    const auto number = take_number(rest);
    const auto unit = number ? take_unit(rest) : std::nullopt;
    if (!unit) return refuse();
    sum += *number * *unit;
  }
  if (sum > kMost) return refuse();
  return std::chrono::nanoseconds(static_cast<std::int64_t>(is_negative ? -sum : sum));
}

}  // namespace gantry
