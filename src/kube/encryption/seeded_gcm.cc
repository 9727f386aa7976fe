// SPDX-License-Identifier: Apache-2.0
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <utility>

#include "base/random.h"
#include "kube/encryption/cipher.h"

namespace gantry::kube {
namespace {

constexpr std::size_t kSeed = 32;  // bytes, at least
constexpr std::size_t kInfo = 32;  // bytes, in front of each value

class SeededGcm final : public Cipher {
 public:
  explicit SeededGcm(std::string seed) : seed_(std::move(seed)) {}

  Result<std::string> encrypt(std::string_view context, std::string_view text) const override {
    std::string bytes(kInfo, '\0');
    fill_random(std::as_writable_bytes(std::span(bytes)));
    const auto cipher = TRY(cipher_for(bytes));
    return bytes.append(TRY(cipher->encrypt(context, text)));
  }

  Result<std::string> decrypt(std::string_view context, std::string_view bytes) const override {
    if (bytes.size() < kInfo) return error(Code::DataLoss, "the value is too short for its key");
    const auto cipher = TRY(cipher_for(bytes.substr(0, kInfo)));
    return cipher->decrypt(context, bytes.substr(kInfo));
  }

 private:
  // The first block of HKDF-Expand is as long as the key, so there is no second.
  Result<std::unique_ptr<const Cipher>> cipher_for(std::string_view info) const {
    std::string first(info);
    first += '\1';
    unsigned char key[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (::HMAC(::EVP_sha256(), seed_.data(), static_cast<int>(seed_.size()),
               reinterpret_cast<const unsigned char*>(first.data()), first.size(), key, &size) == nullptr)
      return error(Code::Internal, "make a value's key: HMAC failed");
    return make_aes_gcm({reinterpret_cast<const char*>(key), size});
  }

  const std::string seed_;
};

}  // namespace

Result<std::unique_ptr<const Cipher>> make_seeded_gcm(std::string_view seed) {
  if (seed.size() < kSeed || seed.size() > 1024)
    return error(Code::InvalidArgument, "a seed of {} bytes; it must have 32 to 1024", seed.size());
  return std::unique_ptr<const Cipher>(std::make_unique<const SeededGcm>(std::string(seed)));
}

}  // namespace gantry::kube
