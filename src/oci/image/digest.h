// SPDX-License-Identifier: Apache-2.0
//
// What content is called by: "sha256:" or "sha512:" and the hash of its bytes in lower-case hexadecimal.
//
//   Digest expected = TRY(Digest::parse("sha256:e3b0c442..."));
//   Hasher hasher(expected.algorithm());
//   hasher.update(bytes);
//   if (hasher.finish() != expected) ...
//
// Grammar: https://github.com/opencontainers/image-spec/blob/v1.1.0/descriptor.md#digests
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

struct evp_md_ctx_st;  // OpenSSL's EVP_MD_CTX

namespace gantry::oci {

enum class DigestAlgorithm : std::uint8_t { Sha256, Sha512 };
std::string_view name_of(DigestAlgorithm algorithm);  // "sha256"

class Digest {
 public:
  // No digest: what a struct holds before it is filled. Its text is "".
  Digest() = default;

  // InvalidArgument if it is not of the grammar, Unsupported if another algorithm made it.
  static Result<Digest> parse(std::string_view text);
  // `hash` has the 32 or 64 bytes that the algorithm makes.
  static Digest of_hash(DigestAlgorithm algorithm, std::span<const std::byte> hash);

  bool is_empty() const { return size_ == 0; }
  DigestAlgorithm algorithm() const { return algorithm_; }
  std::span<const std::byte> hash() const { return {bytes_.data(), size_}; }
  std::string hex() const;
  std::string str() const;  // "sha256:..."

  // By algorithm and then by hash.
  friend auto operator<=>(const Digest&, const Digest&) = default;

 private:
  DigestAlgorithm algorithm_ = DigestAlgorithm::Sha256;
  std::uint8_t size_ = 0;
  std::array<std::byte, 64> bytes_{};
};

// Hashes what arrives in pieces. For one use: after finish() it is spent.
class Hasher {
 public:
  explicit Hasher(DigestAlgorithm algorithm = DigestAlgorithm::Sha256);
  Hasher(Hasher&& other) noexcept = default;
  Hasher& operator=(Hasher&& other) noexcept = default;
  ~Hasher() = default;

  void update(std::span<const std::byte> bytes);
  void update(std::string_view bytes) { update(std::as_bytes(std::span(bytes))); }
  Digest finish();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  DigestAlgorithm algorithm_;
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

Digest digest_of(std::string_view bytes, DigestAlgorithm algorithm = DigestAlgorithm::Sha256);

}  // namespace gantry::oci

template <>
struct std::hash<gantry::oci::Digest> {
  // Already as evenly spread as can be.
  std::size_t operator()(const gantry::oci::Digest& digest) const noexcept {
    std::size_t value = 0;
    if (!digest.is_empty()) std::memcpy(&value, digest.hash().data(), sizeof value);
    return value;
  }
};
