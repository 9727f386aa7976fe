// SPDX-License-Identifier: Apache-2.0
//
// Numbers and the like in the words of Docker.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace gantry::dockerfile {

// Nothing if they are malformed.
std::optional<bool> parse_bool(std::string_view text);  // as Go's strconv does: "true", "1", "f", ...
std::optional<std::uint32_t> parse_id(std::string_view text);
std::optional<std::uint32_t> parse_octal(std::string_view text);  // up to 07777
std::optional<std::uint64_t> parse_bytes(std::string_view text);  // "64m", "1gib", "1024"

}  // namespace gantry::dockerfile
