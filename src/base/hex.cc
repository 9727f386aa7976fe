// SPDX-License-Identifier: Apache-2.0
#include "base/hex.h"

#include <array>

namespace gantry {

// hex_value() of every character.
static constexpr auto kValues = [] {
  std::array<signed char, 256> values{};
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<signed char>(hex_value(static_cast<char>(i)));
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

std::optional<std::string> from_hex(std::string_view digits) {
  std::string bytes(digits.size() / 2, '\0');
  if (!from_hex(digits, std::as_writable_bytes(std::span(bytes)))) return std::nullopt;
  return bytes;
}

bool from_hex(std::string_view digits, std::span<std::byte> into) {
  if (digits.size() != 2 * into.size()) return false;
  int seen = 0;  // negative once a digit was none: digits are random, so a branch for each is guessed wrong
  for (std::size_t i = 0; i < into.size(); ++i) {
    const int high = kValues[static_cast<unsigned char>(digits[2 * i])];
    const int low = kValues[static_cast<unsigned char>(digits[2 * i + 1])];
    seen |= high | low;
    into[i] = static_cast<std::byte>(static_cast<unsigned>(high) << 4 | static_cast<unsigned>(low));
  }
  return seen >= 0;
}

}  // namespace gantry
