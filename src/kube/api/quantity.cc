// SPDX-License-Identifier: Apache-2.0
#include "kube/api/quantity.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/printable.h"

namespace gantry::kube {
namespace {

__extension__ using Wide = __int128;
using Format = Quantity::Format;

constexpr std::size_t kTextSize = 256;  // longer ones say nothing that fits
// In billionths, so that sums of many stay far from the ends of 128 bits.
constexpr Wide kLargest = Wide{1'000'000'000'000'000'000} * 1'000'000'000'000'000'000;
// What a binary suffix can make at most, in units: Kubernetes cuts there.
constexpr Wide kLargestBinary = Wide{INT64_MAX} * 1'000'000'000;

struct Suffix {
  Format format;
  int exponent;  // of ten, or of two
};

struct Unit {
  std::string_view suffix;
  int exponent;
};
constexpr Unit kDecimal[] = {{"E", 18}, {"P", 15}, {"T", 12}, {"G", 9},  {"M", 6},
                             {"k", 3},  {"", 0},   {"m", -3}, {"u", -6}, {"n", -9}};
constexpr Unit kBinary[] = {{"Ei", 60}, {"Pi", 50}, {"Ti", 40}, {"Gi", 30}, {"Mi", 20}, {"Ki", 10}};

Error no_quantity(std::string_view text) {
  return error(Code::InvalidArgument,
               "'{}' is no quantity: quantities must match the regular expression "
               "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
               printable(text));
}

std::optional<int> exponent_after_e(std::string_view text) {
  if (text.size() < 2 || (text.front() != 'e' && text.front() != 'E')) return std::nullopt;
  text.remove_prefix(1);
  if (text.front() == '+') text.remove_prefix(1);
  int exponent = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), exponent);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return exponent;
}

std::optional<Suffix> read_suffix(std::string_view text) {
  for (const Unit& unit : kDecimal)
    if (text == unit.suffix) return Suffix{Format::DecimalSI, unit.exponent};
  for (const Unit& unit : kBinary)
    if (text == unit.suffix) return Suffix{Format::BinarySI, unit.exponent};
  if (const auto exponent = exponent_after_e(text)) return Suffix{Format::DecimalExponent, *exponent};
  return std::nullopt;
}

// Digits, at most one point between or around them, and where they end.
struct Number {
  std::string_view whole;
  std::string_view fraction;
  std::string_view rest;
};

std::string_view take_digits(std::string_view& text) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto size = static_cast<std::size_t>(std::ranges::find_if_not(text, is_digit) - text.begin());
  const std::string_view digits = text.substr(0, size);
  text.remove_prefix(size);
  return digits;
}

std::optional<Number> read_number(std::string_view text) {
  Number number;
  number.whole = take_digits(text);
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    number.fraction = take_digits(text);
  }
  number.rest = text;
  if (number.whole.empty() && number.fraction.empty()) return std::nullopt;
  return number;
}

// The value of digits times ten to the `exponent`, rounded up; nothing if that is above kLargest.
std::optional<Wide> scale(std::string_view whole, std::string_view fraction, int exponent) {
  Wide value = 0;
  bool has_rest = false;
  int left = exponent + static_cast<int>(whole.size());  // digits that count from here on
  for (const std::string_view digits : {whole, fraction}) {
    for (const char digit : digits) {
      if (left-- > 0)
        value = value * 10 + (digit - '0');
      else
        has_rest |= digit != '0';
      if (value > kLargest) return std::nullopt;
    }
  }
  for (; left > 0 && value > 0; --left) {
    value *= 10;
    if (value > kLargest) return std::nullopt;
  }
  return value + has_rest;
}

// The same times two to the `exponent`: a whole number of units times a billion, and the fraction rounded up.
std::optional<Wide> scale_binary(const Number& number, int exponent) {
  // Of a fraction more digits than these change nothing but the rounding.
  constexpr std::size_t kFraction = 18;
  const std::string_view exact = number.fraction.substr(0, kFraction);
  const bool has_rest = number.fraction.size() > kFraction &&
                        number.fraction.substr(kFraction).find_first_not_of('0') != std::string_view::npos;
  const auto whole = scale(number.whole, "", 0);
  if (!whole || *whole > INT64_MAX) return kLargestBinary;
  // 2^60 * 10^18 fits into 121 bits.
  const auto fraction = scale("", exact, static_cast<int>(exact.size()));
  Wide unit = 1;  // what one step of the fraction's digits is, inverted
  for (std::size_t i = 0; i < exact.size(); ++i) unit *= 10;
  const Wide shifted = *fraction << exponent;
  const Wide rest = shifted % unit;
  // In billionths: the whole part of the product, then its rest.
  Wide nanos = shifted / unit * 1'000'000'000;
  const Wide scaled = rest * 1'000'000'000;
  nanos += scaled / unit + (scaled % unit != 0 || has_rest);
  if (*whole > (kLargestBinary / 1'000'000'000 >> exponent)) return kLargestBinary;
  return std::min(kLargestBinary, nanos + (*whole << exponent) * 1'000'000'000);
}

std::string digits_of(Wide value) {
  std::string text;
  const bool is_negative = value < 0;
  if (is_negative) value = -value;
  do {
    text.push_back(static_cast<char>('0' + static_cast<int>(value % 10)));
    value /= 10;
  } while (value != 0);
  if (is_negative) text.push_back('-');
  std::ranges::reverse(text);
  return text;
}

}  // namespace

Result<Quantity> Quantity::parse(std::string_view text) {
  if (text.empty() || text.size() > kTextSize) return no_quantity(text);
  const bool is_negative = text.front() == '-';
  const auto number = read_number(text.substr(is_negative || text.front() == '+' ? 1 : 0));
  if (!number) return no_quantity(text);
  const auto suffix = read_suffix(number->rest);
  if (!suffix)
    return error(Code::InvalidArgument, "unable to parse quantity's suffix of '{}'", printable(text));
  constexpr int kExponent = 64;  // beyond it everything is 0, a billionth or too large
  const auto nanos = suffix->format == Format::BinarySI
                         ? scale_binary(*number, suffix->exponent)
                         : scale(number->whole, number->fraction,
                                 std::clamp(suffix->exponent, -kExponent - int{kTextSize}, kExponent) + 9);
  if (!nanos) return error(Code::InvalidArgument, "quantity '{}' is too large", printable(text));
  Quantity quantity;
  quantity.nanos_ = is_negative ? -*nanos : *nanos;
  quantity.format_ = suffix->format;
  return quantity;
}

Result<Quantity> Quantity::from_tree(const json::Tree& value) {
  if (value.kind() == json::Kind::Number) return parse(value.to_text());
  return parse(value.as_string());
}

std::string Quantity::text() const {
  if (nanos_ == 0) return "0";
  const bool is_small = nanos_ > -1024 * kOne && nanos_ < 1024 * kOne;
  return format_ == Format::BinarySI && !is_small && is_whole() ? binary_text() : decimal_text();
}

std::string Quantity::decimal_text() const {
  Nanos value = nanos_;
  int exponent = -9;
  // Suffixes end at "E"; powers of ten do not.
  while (value % 1000 == 0 && (exponent < 18 || format_ == Format::DecimalExponent)) {
    value /= 1000;
    exponent += 3;
  }
  if (exponent == 0) return digits_of(value);
  if (format_ == Format::DecimalExponent) return fmt::format("{}e{}", digits_of(value), exponent);
  const Unit* unit = std::ranges::find(kDecimal, exponent, &Unit::exponent);
  return fmt::format("{}{}", digits_of(value), unit->suffix);
}

std::string Quantity::binary_text() const {
  Nanos value = nanos_ / kOne;
  int exponent = 0;
  while (value % 1024 == 0 && exponent < 60) {
    value /= 1024;
    exponent += 10;
  }
  if (exponent == 0) return digits_of(value);
  const Unit* unit = std::ranges::find(kBinary, exponent, &Unit::exponent);
  return fmt::format("{}{}", digits_of(value), unit->suffix);
}

std::optional<std::int64_t> Quantity::scaled(Nanos unit) const {
  const Nanos rest = nanos_ % unit;
  const Nanos value = nanos_ / unit + (rest > 0) - (rest < 0);
  if (value > INT64_MAX || value < INT64_MIN) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

void Quantity::take(Nanos nanos, Format other) {
  if (nanos_ == 0) format_ = other;
  nanos_ = std::clamp(nanos, -kLargest, kLargest);
}

Quantity& Quantity::operator+=(const Quantity& other) {
  take(nanos_ + other.nanos_, other.format_);
  return *this;
}

Quantity& Quantity::operator-=(const Quantity& other) {
  take(nanos_ - other.nanos_, other.format_);
  return *this;
}

}  // namespace gantry::kube
