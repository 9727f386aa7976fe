// SPDX-License-Identifier: Apache-2.0
//
// Random bytes from the kernel, for names, ids and keys that nobody can guess or make twice.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace gantry {

// At most 256.
void fill_random(std::span<std::byte> bytes);

// `bytes` of them (at most 256) as lower-case hexadecimal digits, two a byte.
std::string random_hex(std::size_t bytes);

// "0f8fad5b-d9cb-469f-a165-70867728950e" (RFC 9562, version 4).
std::string random_uuid();

}  // namespace gantry
