// SPDX-License-Identifier: Apache-2.0
#include "base/hex.h"

#include <array>

namespace gantry {

// hex_value() of every character; in kLowerValues capitals are no digits.
using Values = std::array<signed char, 256>;
static constexpr Values kValues = [] {
  Values values{};
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<signed char>(hex_value(static_cast<char>(i)));
  return values;
}();
static constexpr Values kLowerValues = [] {
  Values values = kValues;
  for (char c = 'A'; c <= 'F'; ++c) values[static_cast<unsigned char>(c)] = -1;
  return values;
}();

std::string to_hex(std::span<const std::byte> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text(2 * bytes.size(), '\0');
  char* to = text.data();
  for (const std::byte byte : bytes) {
    *to++ = kDigits[std::to_integer<unsigned>(byte >> 4)];
    *to++ = kDigits[std::to_integer<unsigned>(byte & std::byte{0xf})];
  }
  return text;
}

static bool read_digits(std::string_view digits, const Values& table, std::span<std::byte> into) {
  if (digits.size() != 2 * into.size()) return false;
  int seen = 0;  // negative once a digit was none: digits are random, so a branch for each is guessed wrong
  for (std::size_t i = 0; i < into.size(); ++i) {
    const int high = table[static_cast<unsigned char>(digits[2 * i])];
    const int low = table[static_cast<unsigned char>(digits[2 * i + 1])];
    seen |= high | low;
    into[i] = static_cast<std::byte>(static_cast<unsigned>(high) << 4 | static_cast<unsigned>(low));
  }
  return seen >= 0;
}

std::optional<std::string> from_hex(std::string_view digits) {
  std::string bytes(digits.size() / 2, '\0');
  if (!read_digits(digits, kValues, std::as_writable_bytes(std::span(bytes)))) return std::nullopt;
  return bytes;
}

bool from_lower_hex(std::string_view digits, std::span<std::byte> into) {
  return read_digits(digits, kLowerValues, into);
}

}  // namespace gantry
