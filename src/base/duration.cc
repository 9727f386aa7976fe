// SPDX-License-Identifier: Apache-2.0
#include "base/duration.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include "base/printable.h"

namespace gantry {
namespace {

using Nanoseconds = std::int64_t;

// So that sums of two still fit.
constexpr Nanoseconds kMost = std::numeric_limits<Nanoseconds>::max() / 2;

bool is_digit(char character) { return character >= '0' && character <= '9'; }

// "1.5" off the beginning, in whole numbers: a double has no room for the nanoseconds of a year.
struct Number {
  Nanoseconds whole = 0;
  Nanoseconds fraction = 0, scale = 1;  // 5 of 10
};

std::optional<Number> take_number(std::string_view& text) {
  Number number;
  std::size_t at = 0, digits = 0;
  for (; at < text.size() && is_digit(text[at]); ++at, ++digits)
    if (__builtin_mul_overflow(number.whole, 10, &number.whole) ||
        __builtin_add_overflow(number.whole, text[at] - '0', &number.whole))
      return std::nullopt;
  if (at < text.size() && text[at] == '.')
    for (++at; at < text.size() && is_digit(text[at]); ++at, ++digits) {
      constexpr Nanoseconds kFinest = 1'000'000'000'000'000;  // of an hour, in nanoseconds, and some more
      if (number.scale == kFinest) continue;
      number.fraction = number.fraction * 10 + (text[at] - '0');
      number.scale *= 10;
    }
  if (digits == 0) return std::nullopt;
  text.remove_prefix(at);
  return number;
}

// "ms" off the beginning.
std::optional<Nanoseconds> take_unit(std::string_view& text) {
  static constexpr std::pair<std::string_view, Nanoseconds> kUnits[] = {{"ns", 1},
                                                                        {"us", 1'000},
                                                                        {"µs", 1'000},
                                                                        {"ms", 1'000'000},
                                                                        {"s", 1'000'000'000},
                                                                        {"m", 60'000'000'000},
                                                                        {"h", 3'600'000'000'000}};
  for (const auto& [word, nanoseconds] : kUnits) {
    if (!text.starts_with(word)) continue;
    text.remove_prefix(word.size());
    return nanoseconds;
  }
  return std::nullopt;
}

// nullopt: more than there is room for.
std::optional<Nanoseconds> product(const Number& number, Nanoseconds unit) {
  Nanoseconds whole = 0;
  if (__builtin_mul_overflow(number.whole, unit, &whole)) return std::nullopt;
  const auto part = static_cast<Nanoseconds>(static_cast<__int128>(number.fraction) * unit / number.scale);
  if (__builtin_add_overflow(whole, part, &whole)) return std::nullopt;
  return whole;
}

}  // namespace

Result<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  const auto refuse = [&] { return error(Code::InvalidArgument, "invalid duration '{}'", printable(text)); };
  std::string_view rest = text;
  const bool is_negative = rest.starts_with('-');
  if (is_negative || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest == "0") return std::chrono::nanoseconds(0);
  if (rest.empty()) return refuse();
  Nanoseconds sum = 0;
  while (!rest.empty()) {
    const auto number = take_number(rest);
    const auto unit = number ? take_unit(rest) : std::nullopt;
    const auto part = unit ? product(*number, *unit) : std::nullopt;
    if (!part || *part > kMost - sum) return refuse();
    sum += *part;
  }
  return std::chrono::nanoseconds(is_negative ? -sum : sum);
}

}  // namespace gantry
