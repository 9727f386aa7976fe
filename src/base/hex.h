// SPDX-License-Identifier: Apache-2.0
//
// Bytes as hexadecimal digits, two each.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace gantry {

// In lower case.
std::string to_hex(std::span<const std::byte> bytes);

// The bytes that `digits`, in lower or upper case, stand for; nothing if it holds anything else or an odd
// number.
std::optional<std::string> from_hex(std::string_view digits);
// Lower case alone, without a string of its own: false as well if `into` has not half as many bytes as there
// are digits.
bool from_lower_hex(std::string_view digits, std::span<std::byte> into);

// The value of one digit, -1 if it is none.
constexpr int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

}  // namespace gantry
