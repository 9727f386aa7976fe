// SPDX-License-Identifier: Apache-2.0
//
// SHA-256 of whole blocks (FIPS 180-4, 6.2) by x86's instructions for it. Each of them waits for the one
// before, so that two streams side by side take three quarters of the time that they take one after the
// other. For hashing as such there is Hasher (digest.h) and, for streams, StreamHasher.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace gantry::oci {

// Whether this processor has them; otherwise the rest is not to be called.
bool has_sha256_instructions();

inline constexpr std::size_t kSha256Block = 64;  // bytes

// The eight words of a hash, in the order that the instructions want: f e b a h g d c.
struct Sha256State {
  alignas(16) std::array<std::uint32_t, 8> words = {0x9b05688c, 0x510e527f, 0xbb67ae85, 0x6a09e667,
                                                    0x5be0cd19, 0x1f83d9ab, 0xa54ff53a, 0x3c6ef372};
  // The hash, a first.
  std::array<std::uint32_t, 8> hash() const {
    return {words[3], words[2], words[7], words[6], words[1], words[0], words[5], words[4]};
  }
};

void hash_blocks(Sha256State& state, const std::byte* bytes, std::size_t blocks);
// As many of each.
void hash_blocks(Sha256State& a, const std::byte* bytes_of_a, Sha256State& b, const std::byte* bytes_of_b,
                 std::size_t blocks);

}  // namespace gantry::oci
