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

std::string random_uuid() {
  constexpr std::size_t kSize = 16;
  std::array<std::byte, kSize> bytes;
  fill_random(bytes);
  bytes[6] = (bytes[6] & std::byte{0x0f}) | std::byte{0x40};
  bytes[8] = (bytes[8] & std::byte{0x3f}) | std::byte{0x80};
  std::string text = to_hex(bytes);
  for (const std::size_t at : {8u, 13u, 18u, 23u}) text.insert(at, 1, '-');
  return text;
}

}  // namespace gantry
