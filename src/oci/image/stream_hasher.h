// SPDX-License-Identifier: Apache-2.0
//
// A Hasher for long streams, of which there may be several: two are hashed side by side in less time than one
// after the other, where the processor has instructions for SHA-256.
//
//   StreamHasher a(DigestAlgorithm::Sha256), b(DigestAlgorithm::Sha256);
//   update_both(a, bytes_of_a, b, bytes_of_b);
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>

#include "oci/image/digest.h"
#include "oci/image/sha256_instructions.h"

namespace gantry::oci {

// SHA-256 where has_sha256_instructions(). For one use, as a Hasher.
class FastSha256 {
 public:
  void update(std::span<const std::byte> bytes);
  Digest finish();
  friend void update_both(FastSha256& a, std::span<const std::byte> bytes_of_a, FastSha256& b,
                          std::span<const std::byte> bytes_of_b);

 private:
  // Takes what completes the block that was begun.
  void complete_block(std::span<const std::byte>& bytes);

  Sha256State state_;
  std::array<std::byte, kSha256Block> begun_{};
  std::uint64_t size_ = 0;  // bytes so far; what is beyond whole blocks is in `begun_`
};

class StreamHasher {
 public:
  explicit StreamHasher(DigestAlgorithm algorithm);
  void update(std::span<const std::byte> bytes);
  Digest finish();  // once
  // Whether update_both() gains anything with this one.
  bool is_faster_beside_another() const { return std::holds_alternative<FastSha256>(hasher_); }
  // Of two different ones.
  friend void update_both(StreamHasher& a, std::span<const std::byte> bytes_of_a, StreamHasher& b,
                          std::span<const std::byte> bytes_of_b);

 private:
  std::variant<FastSha256, Hasher> hasher_;
};

}  // namespace gantry::oci
