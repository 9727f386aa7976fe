// SPDX-License-Identifier: Apache-2.0
#include <openssl/evp.h>

#include "base/random.h"
#include "kube/encryption/cipher.h"

namespace gantry::kube {
namespace {

constexpr std::size_t kBlock = 16;     // bytes
constexpr std::size_t kGcmNonce = 12;  // bytes
constexpr std::size_t kTag = 16;       // bytes

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { ::EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes_of(std::string& text, std::size_t offset) {
  return reinterpret_cast<unsigned char*>(text.data()) + offset;
}

Error cannot_decrypt() { return error(Code::DataLoss, "the value cannot be decrypted with its key"); }

// Random bytes, with room behind them.
std::string with_nonce(std::size_t nonce, std::size_t size) {
  std::string bytes(size, '\0');
  fill_random(std::as_writable_bytes(std::span(bytes)).first(nonce));
  return bytes;
}

// OpenSSL counts in int.
bool is_too_large(std::string_view text) { return text.size() > (1U << 30); }

class AesCbc final : public Cipher {
 public:
  AesCbc(std::string key, const EVP_CIPHER* cipher) : key_(std::move(key)), cipher_(cipher) {}

  Result<std::string> encrypt(std::string_view /*context*/, std::string_view text) const override {
    if (is_too_large(text)) return error(Code::InvalidArgument, "encrypt: the value is too large");
    std::string bytes = with_nonce(kBlock, kBlock + text.size() + kBlock);
    const Context context(::EVP_CIPHER_CTX_new());
    int written = 0, last = 0;
    if (::EVP_EncryptInit_ex(context.get(), cipher_, nullptr, bytes_of(key_), bytes_of(bytes, 0)) != 1 ||
        ::EVP_EncryptUpdate(context.get(), bytes_of(bytes, kBlock), &written, bytes_of(text),
                            static_cast<int>(text.size())) != 1 ||
        ::EVP_EncryptFinal_ex(context.get(), bytes_of(bytes, kBlock + static_cast<std::size_t>(written)),
                              &last) != 1)
      return error(Code::Internal, "encrypt: AES-CBC failed");
    bytes.resize(kBlock + static_cast<std::size_t>(written + last));
    return bytes;
  }

  Result<std::string> decrypt(std::string_view /*context*/, std::string_view bytes) const override {
    if (bytes.size() < 2 * kBlock || bytes.size() % kBlock != 0 || is_too_large(bytes))
      return cannot_decrypt();
    std::string text(bytes.size(), '\0');
    const Context context(::EVP_CIPHER_CTX_new());
    int written = 0, last = 0;
    if (::EVP_DecryptInit_ex(context.get(), cipher_, nullptr, bytes_of(key_), bytes_of(bytes)) != 1 ||
        ::EVP_DecryptUpdate(context.get(), bytes_of(text, 0), &written, bytes_of(bytes.substr(kBlock)),
                            static_cast<int>(bytes.size() - kBlock)) != 1 ||
        ::EVP_DecryptFinal_ex(context.get(), bytes_of(text, static_cast<std::size_t>(written)), &last) != 1)
      return cannot_decrypt();
    text.resize(static_cast<std::size_t>(written + last));
    return text;
  }

 private:
  const std::string key_;
  const EVP_CIPHER* const cipher_;
};

class AesGcm final : public Cipher {
 public:
  AesGcm(std::string key, const EVP_CIPHER* cipher) : key_(std::move(key)), cipher_(cipher) {}

  Result<std::string> encrypt(std::string_view belongs_to, std::string_view text) const override {
    if (is_too_large(text)) return error(Code::InvalidArgument, "encrypt: the value is too large");
    std::string bytes = with_nonce(kGcmNonce, kGcmNonce + text.size() + kTag);
    const Context context(::EVP_CIPHER_CTX_new());
    int written = 0;
    if (::EVP_EncryptInit_ex(context.get(), cipher_, nullptr, bytes_of(key_), bytes_of(bytes, 0)) != 1 ||
        ::EVP_EncryptUpdate(context.get(), nullptr, &written, bytes_of(belongs_to),
                            static_cast<int>(belongs_to.size())) != 1 ||
        ::EVP_EncryptUpdate(context.get(), bytes_of(bytes, kGcmNonce), &written, bytes_of(text),
                            static_cast<int>(text.size())) != 1 ||
        ::EVP_EncryptFinal_ex(context.get(), bytes_of(bytes, kGcmNonce + text.size()), &written) != 1 ||
        ::EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTag,
                              bytes_of(bytes, kGcmNonce + text.size())) != 1)
      return error(Code::Internal, "encrypt: AES-GCM failed");
    return bytes;
  }

  Result<std::string> decrypt(std::string_view belongs_to, std::string_view bytes) const override {
    if (bytes.size() < kGcmNonce + kTag || is_too_large(bytes)) return cannot_decrypt();
    const std::string_view sealed = bytes.substr(kGcmNonce, bytes.size() - kGcmNonce - kTag);
    std::string tag(bytes.substr(bytes.size() - kTag));
    std::string text(sealed.size(), '\0');
    const Context context(::EVP_CIPHER_CTX_new());
    int written = 0;
    if (::EVP_DecryptInit_ex(context.get(), cipher_, nullptr, bytes_of(key_), bytes_of(bytes)) != 1 ||
        ::EVP_DecryptUpdate(context.get(), nullptr, &written, bytes_of(belongs_to),
                            static_cast<int>(belongs_to.size())) != 1 ||
        ::EVP_DecryptUpdate(context.get(), bytes_of(text, 0), &written, bytes_of(sealed),
                            static_cast<int>(sealed.size())) != 1 ||
        ::EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTag, bytes_of(tag, 0)) != 1 ||
        ::EVP_DecryptFinal_ex(context.get(), bytes_of(text, text.size()), &written) != 1)
      return cannot_decrypt();
    return text;
  }

 private:
  const std::string key_;
  const EVP_CIPHER* const cipher_;
};

Error wrong_key(std::string_view key) {
  return error(Code::InvalidArgument, "an AES key of {} bytes; it must have 16, 24 or 32", key.size());
}

}  // namespace

Result<std::unique_ptr<const Cipher>> make_aes_cbc(std::string_view key) {
  const EVP_CIPHER* cipher = key.size() == 16   ? ::EVP_aes_128_cbc()
                             : key.size() == 24 ? ::EVP_aes_192_cbc()
                             : key.size() == 32 ? ::EVP_aes_256_cbc()
                                                : nullptr;
  if (cipher == nullptr) return wrong_key(key);
  return std::unique_ptr<const Cipher>(std::make_unique<const AesCbc>(std::string(key), cipher));
}

Result<std::unique_ptr<const Cipher>> make_aes_gcm(std::string_view key) {
  const EVP_CIPHER* cipher = key.size() == 16   ? ::EVP_aes_128_gcm()
                             : key.size() == 24 ? ::EVP_aes_192_gcm()
                             : key.size() == 32 ? ::EVP_aes_256_gcm()
                                                : nullptr;
  if (cipher == nullptr) return wrong_key(key);
  return std::unique_ptr<const Cipher>(std::make_unique<const AesGcm>(std::string(key), cipher));
}

}  // namespace gantry::kube
