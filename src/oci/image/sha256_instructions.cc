// SPDX-License-Identifier: Apache-2.0
//
// Compiled for processors that have the instructions (CMakeLists.txt).
#include "oci/image/sha256_instructions.h"

#include <cstdlib>

#if defined(__x86_64__)
#include <immintrin.h>

#include <utility>
#endif

namespace gantry::oci {

#if defined(__x86_64__)
namespace {

// FIPS 180-4, 4.2.2.
alignas(16) constexpr std::uint32_t kConstants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

__m128i load(const void* from) { return _mm_loadu_si128(static_cast<const __m128i*>(from)); }
void store(void* to, __m128i value) { _mm_storeu_si128(static_cast<__m128i*>(to), value); }

// One stream on its way through a block.
class Lane {
 public:
  Lane(Sha256State& state, const std::byte* bytes)
      : state_(state), bytes_(bytes), abef_(load(&state.words[0])), cdgh_(load(&state.words[4])) {}
  ~Lane() {
    store(&state_.words[0], abef_);
    store(&state_.words[4], cdgh_);
  }

  [[gnu::always_inline]] void begin_block() {
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    for (int i = 0; i < 4; ++i) message_[i] = _mm_shuffle_epi8(load(bytes_ + 16 * i), big_endian);
    bytes_ += kSha256Block;
    abef_before_ = abef_;
    cdgh_before_ = cdgh_;
  }
  template <std::size_t kRound>  // of sixteen
  [[gnu::always_inline]] void four_rounds() {
    __m128i& words = message_[kRound % 4];
    const __m128i sum = _mm_add_epi32(words, load(&kConstants[4 * kRound]));
    cdgh_ = _mm_sha256rnds2_epu32(cdgh_, abef_, sum);
    abef_ = _mm_sha256rnds2_epu32(abef_, cdgh_, _mm_shuffle_epi32(sum, 0x0e));
    if constexpr (kRound < 12) {
      // The words that this place has four turns later.
      const __m128i last = message_[(kRound + 3) % 4];
      const __m128i seven_before = _mm_alignr_epi8(last, message_[(kRound + 2) % 4], 4);
      words = _mm_add_epi32(_mm_sha256msg1_epu32(words, message_[(kRound + 1) % 4]), seven_before);
      words = _mm_sha256msg2_epu32(words, last);
    }
  }
  [[gnu::always_inline]] void end_block() {
    abef_ = _mm_add_epi32(abef_, abef_before_);
    cdgh_ = _mm_add_epi32(cdgh_, cdgh_before_);
  }

 private:
  Sha256State& state_;
  const std::byte* bytes_;
  __m128i abef_, cdgh_, abef_before_, cdgh_before_;
  __m128i message_[4];
};

template <std::size_t... kRounds>
[[gnu::always_inline]] inline void all_rounds(Lane& lane, std::index_sequence<kRounds...>) {
  (lane.four_rounds<kRounds>(), ...);
}

template <std::size_t... kRounds>
[[gnu::always_inline]] inline void all_rounds(Lane& a, Lane& b, std::index_sequence<kRounds...>) {
  ((a.four_rounds<kRounds>(), b.four_rounds<kRounds>()), ...);
}

}  // namespace

void hash_blocks(Sha256State& state, const std::byte* bytes, std::size_t blocks) {
  Lane lane(state, bytes);
  for (; blocks > 0; --blocks) {
    lane.begin_block();
    all_rounds(lane, std::make_index_sequence<16>());
    lane.end_block();
  }
}

void hash_blocks(Sha256State& state_of_a, const std::byte* bytes_of_a, Sha256State& state_of_b,
                 const std::byte* bytes_of_b, std::size_t blocks) {
  Lane a(state_of_a, bytes_of_a);
  Lane b(state_of_b, bytes_of_b);
  for (; blocks > 0; --blocks) {
    a.begin_block();
    b.begin_block();
    all_rounds(a, b, std::make_index_sequence<16>());
    a.end_block();
    b.end_block();
  }
}

#else

void hash_blocks(Sha256State&, const std::byte*, std::size_t) { std::abort(); }
void hash_blocks(Sha256State&, const std::byte*, Sha256State&, const std::byte*, std::size_t) {
  std::abort();
}

#endif

}  // namespace gantry::oci
