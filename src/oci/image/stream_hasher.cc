// SPDX-License-Identifier: Apache-2.0
#include "oci/image/stream_hasher.h"

#if defined(__x86_64__)
#include <sys/platform/x86.h>
#endif

#include <algorithm>
#include <bit>

namespace gantry::oci {

bool has_sha256_instructions() {
#if defined(__x86_64__)
  return CPU_FEATURE_ACTIVE(SHA) && CPU_FEATURE_ACTIVE(SSSE3) && CPU_FEATURE_ACTIVE(SSE4_1);
#else
  return false;
#endif
}

// ---- FastSha256

void FastSha256::complete_block(std::span<const std::byte>& bytes) {
  const std::size_t begun = size_ % kSha256Block;
  if (begun == 0) return;
  const std::span<const std::byte> taken = bytes.first(std::min(bytes.size(), kSha256Block - begun));
  std::ranges::copy(taken, begun_.begin() + static_cast<std::ptrdiff_t>(begun));
  bytes = bytes.subspan(taken.size());
  size_ += taken.size();
  if (size_ % kSha256Block == 0) hash_blocks(state_, begun_.data(), 1);
}

void FastSha256::update(std::span<const std::byte> bytes) {
  complete_block(bytes);
  const std::size_t blocks = bytes.size() / kSha256Block;
  hash_blocks(state_, bytes.data(), blocks);
  std::ranges::copy(bytes.subspan(blocks * kSha256Block), begun_.begin());
  size_ += bytes.size();
}

void update_both(FastSha256& a, std::span<const std::byte> bytes_of_a, FastSha256& b,
                 std::span<const std::byte> bytes_of_b) {
  a.complete_block(bytes_of_a);
  b.complete_block(bytes_of_b);
  const std::size_t blocks = std::min(bytes_of_a.size(), bytes_of_b.size()) / kSha256Block;
  hash_blocks(a.state_, bytes_of_a.data(), b.state_, bytes_of_b.data(), blocks);
  const std::size_t done = blocks * kSha256Block;
  a.size_ += done;
  b.size_ += done;
  a.update(bytes_of_a.subspan(done));
  b.update(bytes_of_b.subspan(done));
}

// FIPS 180-4, 5.1.1: a bit that is set, zeros, and the length in bits to the end of a block.
Digest FastSha256::finish() {
  constexpr std::size_t kLength = 8;  // bytes
  const std::uint64_t bits = size_ * 8;
  std::array<std::byte, kSha256Block + kLength> padding{std::byte{0x80}};
  const std::size_t zeros_end = (2 * kSha256Block - kLength - 1 - size_ % kSha256Block) % kSha256Block + 1;
  for (std::size_t i = 0; i < kLength; ++i)
    padding[zeros_end + i] = static_cast<std::byte>(bits >> 8 * (kLength - 1 - i));
  update(std::span(padding).first(zeros_end + kLength));
  std::array<std::byte, 32> bytes;
  const auto words = state_.hash();
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::byte>(words[i / 4] >> 8 * (3 - i % 4));
  return Digest::of_hash(DigestAlgorithm::Sha256, bytes);
}

// ---- StreamHasher

StreamHasher::StreamHasher(DigestAlgorithm algorithm) {
  if (algorithm != DigestAlgorithm::Sha256 || !has_sha256_instructions()) hasher_.emplace<Hasher>(algorithm);
}

void StreamHasher::update(std::span<const std::byte> bytes) {
  std::visit([&](auto& hasher) { hasher.update(bytes); }, hasher_);
}

Digest StreamHasher::finish() {
  return std::visit([](auto& hasher) { return hasher.finish(); }, hasher_);
}

void update_both(StreamHasher& a, std::span<const std::byte> bytes_of_a, StreamHasher& b,
                 std::span<const std::byte> bytes_of_b) {
  auto* fast_a = std::get_if<FastSha256>(&a.hasher_);
  auto* fast_b = std::get_if<FastSha256>(&b.hasher_);
  if (fast_a != nullptr && fast_b != nullptr) return update_both(*fast_a, bytes_of_a, *fast_b, bytes_of_b);
  a.update(bytes_of_a);
  b.update(bytes_of_b);
}

}  // namespace gantry::oci
