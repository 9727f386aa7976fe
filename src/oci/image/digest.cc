// SPDX-License-Identifier: Apache-2.0
#include "oci/image/digest.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstdlib>

#include "base/hex.h"
#include "base/printable.h"

namespace gantry::oci {
namespace {

struct Algorithm {
  std::string_view name;
  std::size_t size;  // bytes of a hash
};
constexpr std::array<Algorithm, 2> kAlgorithms = {{{"sha256", 32}, {"sha512", 64}}};

const Algorithm& details(DigestAlgorithm algorithm) {
  return kAlgorithms[static_cast<std::size_t>(algorithm)];
}

const EVP_MD* evp_of(DigestAlgorithm algorithm) {
  return algorithm == DigestAlgorithm::Sha256 ? EVP_sha256() : EVP_sha512();
}

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// algorithm ::= component (separator component)*
bool is_algorithm_name(std::string_view name) {
  bool after_component = false;
  for (const char c : name) {
    if (is_lower_or_digit(c))
      after_component = true;
    else if (after_component && std::string_view("+._-").find(c) != std::string_view::npos)
      after_component = false;
    else
      return false;
  }
  return after_component;
}

// OpenSSL fails at hashing only when memory is out or it was built without the algorithm.
void require(int success) {
  if (success != 1) std::abort();
}

}  // namespace

std::string_view name_of(DigestAlgorithm algorithm) { return details(algorithm).name; }

Result<Digest> Digest::parse(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  const auto known = std::ranges::find(kAlgorithms, name, &Algorithm::name);
  if (colon == std::string_view::npos || (known == kAlgorithms.end() && !is_algorithm_name(name)))
    return error(Code::InvalidArgument, "'{}' is not a digest", printable(text));
  if (known == kAlgorithms.end())
    return error(Code::Unsupported, "digest '{}': only sha256 and sha512 are supported", printable(text));

  Digest digest;
  digest.algorithm_ = static_cast<DigestAlgorithm>(known - kAlgorithms.begin());
  digest.size_ = static_cast<std::uint8_t>(known->size);
  const std::string_view digits = text.substr(colon + 1);
  if (!from_lower_hex(digits, std::span(digest.bytes_).first(known->size)))
    return error(Code::InvalidArgument, "'{}' is not a digest: {} has {} hexadecimal digits of lower case",
                 printable(text), known->name, 2 * known->size);
  return digest;
}

Digest Digest::of_hash(DigestAlgorithm algorithm, std::span<const std::byte> hash) {
  if (hash.size() != details(algorithm).size) std::abort();
  Digest digest;
  digest.algorithm_ = algorithm;
  digest.size_ = static_cast<std::uint8_t>(hash.size());
  std::ranges::copy(hash, digest.bytes_.begin());
  return digest;
}

std::string Digest::hex() const { return to_hex(hash()); }

std::string Digest::str() const {
  if (is_empty()) return {};
  return std::string(name_of(algorithm_)) + ':' + hex();
}

Hasher::Hasher(DigestAlgorithm algorithm) : algorithm_(algorithm), context_(EVP_MD_CTX_new()) {
  require(context_ != nullptr);
  require(EVP_DigestInit_ex(context_.get(), evp_of(algorithm), nullptr));
}

void Hasher::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

void Hasher::update(std::span<const std::byte> bytes) {
  require(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()));
}

Digest Hasher::finish() {
  std::array<std::byte, EVP_MAX_MD_SIZE> hash;
  unsigned size = 0;
  require(EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(hash.data()), &size));
  return Digest::of_hash(algorithm_, std::span(hash).first(size));
}

Digest digest_of(std::string_view bytes, DigestAlgorithm algorithm) {
  Hasher hasher(algorithm);
  hasher.update(bytes);
  return hasher.finish();
}

}  // namespace gantry::oci
