// SPDX-License-Identifier: Apache-2.0
//
// Bytes as hexadecimal digits and back.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace gantry {

// Lower case, two digits a byte.
std::string to_hex(std::span<const std::byte> bytes);

// Fills `bytes` from exactly twice as many digits of lower case; false if `digits` is anything else.
bool from_hex(std::string_view digits, std::span<std::byte> bytes);

}  // namespace gantry
