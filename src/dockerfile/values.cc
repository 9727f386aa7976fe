// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/values.h"

#include <algorithm>
#include <iterator>
#include <string>

namespace gantry::dockerfile {

std::optional<bool> parse_bool(std::string_view text) {
  for (const std::string_view yes : {"true", "True", "TRUE", "1", "t", "T"})
    if (text == yes) return true;
  for (const std::string_view no : {"false", "False", "FALSE", "0", "f", "F"})
    if (text == no) return false;
  return std::nullopt;
}

namespace {

std::optional<std::uint64_t> parse_digits(std::string_view text, unsigned base, std::uint64_t most) {
  if (text.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c >= static_cast<char>('0' + base)) return std::nullopt;
    if (value > (most - static_cast<std::uint64_t>(c - '0')) / base) return std::nullopt;
    value = value * base + static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

}  // namespace

std::optional<std::uint32_t> parse_id(std::string_view text) { return parse_digits(text, 10, 0xffff'fffe); }
std::optional<std::uint32_t> parse_octal(std::string_view text) { return parse_digits(text, 8, 07777); }

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = parse_digits(text.substr(0, digits), 10, std::uint64_t{1} << 62);
  if (!number) return std::nullopt;
  std::string unit;
  for (const char c : text.substr(digits))
    unit += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  constexpr std::string_view kUnits = "kmgtp";
  if (unit.empty() || unit == "b") return number;
  const std::size_t power = kUnits.find(unit[0]);
  const std::string_view behind = std::string_view(unit).substr(1);
  if (power == kUnits.npos || (!behind.empty() && behind != "b" && behind != "ib")) return std::nullopt;
  const std::uint64_t factor = std::uint64_t{1} << (10 * (power + 1));
  if (*number > (std::uint64_t{1} << 62) / factor) return std::nullopt;
  return *number * factor;
}

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  struct Unit {
    std::string_view name;
    std::uint64_t nanoseconds;
  };
  static constexpr Unit kUnits[] = {{"ns", 1},
                                    {"us", 1'000},
                                    {"µs", 1'000},
                                    {"ms", 1'000'000},
                                    {"s", 1'000'000'000},
                                    {"m", 60'000'000'000},
                                    {"h", 3'600'000'000'000}};
  constexpr std::uint64_t kMost = std::uint64_t{1} << 62;
  if (text == "0") return std::chrono::nanoseconds(0);
  if (text.empty()) return std::nullopt;
  std::uint64_t total = 0;
  while (!text.empty()) {
    const std::size_t number_end = std::min(text.find_first_not_of("0123456789."), text.size());
    const std::string_view number = text.substr(0, number_end);
    text.remove_prefix(number_end);
    const std::size_t unit_end = std::min(text.find_first_of("0123456789."), text.size());
    const auto unit = std::ranges::find(kUnits, text.substr(0, unit_end), &Unit::name);
    if (unit == std::end(kUnits)) return std::nullopt;
    text.remove_prefix(unit_end);
    const std::size_t point = std::min(number.find('.'), number.size());
    const std::string_view whole = number.substr(0, point);
    std::string_view fraction = number.substr(std::min(point + 1, number.size()));
    if (whole.empty() && fraction.empty()) return std::nullopt;
    const auto count = whole.empty() ? std::optional<std::uint64_t>(0) : parse_digits(whole, 10, kMost);
    if (!count || *count > kMost / unit->nanoseconds) return std::nullopt;
    std::uint64_t part = *count * unit->nanoseconds, place = unit->nanoseconds;
    for (const char c : fraction) {
      if (c == '.') return std::nullopt;
      part += static_cast<std::uint64_t>(c - '0') * (place /= 10);
    }
    if (part > kMost - total) return std::nullopt;
    total += part;
  }
  return std::chrono::nanoseconds(total);
}

}  // namespace gantry::dockerfile
