// SPDX-License-Identifier: Apache-2.0
//
// XSalsa20 (https://cr.yp.to/snuffle/xsalsa-20110204.pdf), which OpenSSL does not have, with OpenSSL's
// Poly1305 (https://nacl.cr.yp.to/secretbox.html). Salsa20 has no secret-dependent branches or look-ups.
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/random.h"
#include "kube/encryption/cipher.h"

namespace gantry::kube {
namespace {

constexpr std::size_t kKey = 32;    // bytes
constexpr std::size_t kNonce = 24;  // bytes
constexpr std::size_t kTag = 16;    // bytes
constexpr std::size_t kBlock = 64;  // bytes of the stream

static_assert(std::endian::native == std::endian::little, "words are read and written as they are in memory");

using Words = std::array<std::uint32_t, 16>;
constexpr std::array<std::uint32_t, 4> kSigma = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};

std::uint32_t word_at(const char* bytes, std::size_t index) {
  std::uint32_t word;
  std::memcpy(&word, bytes + 4 * index, 4);
  return word;
}

void quarter(Words& x, int a, int b, int c, int d) {
  x[b] ^= std::rotl(x[a] + x[d], 7);
  x[c] ^= std::rotl(x[b] + x[a], 9);
  x[d] ^= std::rotl(x[c] + x[b], 13);
  x[a] ^= std::rotl(x[d] + x[c], 18);
}

// Twenty rounds, without adding the input.
Words rounds(Words x) {
  for (int i = 0; i < 10; ++i) {
    quarter(x, 0, 4, 8, 12), quarter(x, 5, 9, 13, 1), quarter(x, 10, 14, 2, 6), quarter(x, 15, 3, 7, 11);
    quarter(x, 0, 1, 2, 3), quarter(x, 5, 6, 7, 4), quarter(x, 10, 11, 8, 9), quarter(x, 15, 12, 13, 14);
  }
  return x;
}

// The matrix of a key and 16 bytes of input.
Words matrix(const char* key, const std::array<std::uint32_t, 4>& input) {
  const auto k = [&](std::size_t i) { return word_at(key, i); };
  return {kSigma[0], k(0),     k(1),      k(2), k(3), kSigma[1], input[0], input[1],
          input[2],  input[3], kSigma[2], k(4), k(5), k(6),      k(7),     kSigma[3]};
}

// The key for a nonce's first 16 bytes; Salsa20 goes on with the last eight.
std::array<char, kKey> hsalsa20(const char* key, const char* nonce) {
  const Words z =
      rounds(matrix(key, {word_at(nonce, 0), word_at(nonce, 1), word_at(nonce, 2), word_at(nonce, 3)}));
  const std::array<std::uint32_t, 8> words = {z[0], z[5], z[10], z[15], z[6], z[7], z[8], z[9]};
  std::array<char, kKey> derived;
  std::memcpy(derived.data(), words.data(), derived.size());
  return derived;
}

// The stream of one key and nonce, in blocks.
class Stream {
 public:
  Stream(const std::string& key, const char* nonce) : key_(hsalsa20(key.data(), nonce)) {
    nonce_ = {word_at(nonce, 4), word_at(nonce, 5)};
  }
  ~Stream() { ::OPENSSL_cleanse(key_.data(), key_.size()); }

  std::array<char, kBlock> block(std::uint64_t number) const {
    const Words input = matrix(key_.data(), {nonce_[0], nonce_[1], static_cast<std::uint32_t>(number),
                                             static_cast<std::uint32_t>(number >> 32)});
    Words output = rounds(input);
    for (std::size_t i = 0; i < output.size(); ++i) output[i] += input[i];
    std::array<char, kBlock> bytes;
    std::memcpy(bytes.data(), output.data(), bytes.size());
    return bytes;
  }

  // The first 32 bytes of the stream are the key of the tag; the text is combined with what follows.
  void combine(std::span<char> text) const {
    std::size_t place = kKey;
    for (std::size_t done = 0; done < text.size();) {
      const std::array<char, kBlock> bytes = block(place / kBlock);
      for (; done < text.size(); ++done) {
        text[done] ^= bytes[place % kBlock];
        if (++place % kBlock == 0) {
          ++done;
          break;
        }
      }
    }
  }

 private:
  std::array<char, kKey> key_;
  std::array<std::uint32_t, 2> nonce_;
};

struct FreeMac {
  void operator()(EVP_MAC* mac) const { ::EVP_MAC_free(mac); }
  void operator()(EVP_MAC_CTX* context) const { ::EVP_MAC_CTX_free(context); }
};

Result<std::array<char, kTag>> poly1305(const char* key, std::string_view text) {
  static const std::unique_ptr<EVP_MAC, FreeMac> mac(::EVP_MAC_fetch(nullptr, "POLY1305", nullptr));
  const std::unique_ptr<EVP_MAC_CTX, FreeMac> context(::EVP_MAC_CTX_new(mac.get()));
  std::array<char, kTag> tag;
  std::size_t size = 0;
  if (!context ||
      ::EVP_MAC_init(context.get(), reinterpret_cast<const unsigned char*>(key), kKey, nullptr) != 1 ||
      ::EVP_MAC_update(context.get(), reinterpret_cast<const unsigned char*>(text.data()), text.size()) !=
          1 ||
      ::EVP_MAC_final(context.get(), reinterpret_cast<unsigned char*>(tag.data()), &size, tag.size()) != 1)
    return error(Code::Internal, "Poly1305 failed");
  return tag;
}

class Secretbox final : public Cipher {
 public:
  explicit Secretbox(std::string key) : key_(std::move(key)) {}

  Result<std::string> encrypt(std::string_view /*context*/, std::string_view text) const override {
    std::string bytes(kNonce + kTag + text.size(), '\0');
    fill_random(std::as_writable_bytes(std::span(bytes)).first(kNonce));
    std::memcpy(bytes.data() + kNonce + kTag, text.data(), text.size());
    const Stream stream(key_, bytes.data());
    stream.combine(std::span(bytes).subspan(kNonce + kTag));
    const auto tag = TRY(poly1305(stream.block(0).data(), std::string_view(bytes).substr(kNonce + kTag)));
    std::memcpy(bytes.data() + kNonce, tag.data(), tag.size());
    return bytes;
  }

  Result<std::string> decrypt(std::string_view /*context*/, std::string_view bytes) const override {
    const auto failure = [] { return error(Code::DataLoss, "the value cannot be decrypted with its key"); };
    if (bytes.size() < kNonce + kTag) return failure();
    const Stream stream(key_, bytes.data());
    const auto tag = TRY(poly1305(stream.block(0).data(), bytes.substr(kNonce + kTag)));
    if (::CRYPTO_memcmp(tag.data(), bytes.data() + kNonce, kTag) != 0) return failure();
    std::string text(bytes.substr(kNonce + kTag));
    stream.combine(text);
    return text;
  }

 private:
  const std::string key_;
};

}  // namespace

Result<std::unique_ptr<const Cipher>> make_secretbox(std::string_view key) {
  if (key.size() != kKey)
    return error(Code::InvalidArgument, "a secretbox key of {} bytes; it must have {}", key.size(), kKey);
  return std::unique_ptr<const Cipher>(std::make_unique<const Secretbox>(std::string(key)));
}

}  // namespace gantry::kube
