// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/values.h"

#include <algorithm>
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

}  // namespace gantry::dockerfile
