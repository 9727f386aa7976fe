// SPDX-License-Identifier: Apache-2.0
#include "base/random.h"

#include <sys/random.h>

#include <array>
#include <cassert>
#include <cerrno>
#include <cstdlib>

#include "base/hex.h"

namespace gantry {

void fill_random(std::span<std::byte> bytes) {
  assert(bytes.size() <= 256);
  // Up to 256 bytes come whole or not at all (getrandom(2)); an old kernel without the call is no place to
  // run.
  while (::getrandom(bytes.data(), bytes.size(), 0) < 0)
    if (errno != EINTR) std::abort();
}

std::string random_hex(std::size_t bytes) {
  std::array<std::byte, 256> buffer;
  assert(bytes <= buffer.size());
  const auto random = std::span(buffer).first(bytes);
  fill_random(random);
  return to_hex(random);
}

}  // namespace gantry
