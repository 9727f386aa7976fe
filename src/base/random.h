// SPDX-License-Identifier: Apache-2.0
//
// Random bytes from the kernel, for names and ids that nobody can guess or make twice.
#pragma once

#include <cstddef>
#include <string>

namespace gantry {

// `bytes` of them (at most 256) as lower-case hexadecimal digits, two a byte.
std::string random_hex(std::size_t bytes);

}  // namespace gantry
