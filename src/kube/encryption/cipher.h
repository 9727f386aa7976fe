// SPDX-License-Identifier: Apache-2.0
//
// Encryption of one value with one key, as Kubernetes lays its bytes out
// (docs/formats/encryption-at-rest.md). Immutable, for any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace gantry::kube {

class Cipher {
 public:
  virtual ~Cipher() = default;
  // `context`: what the value belongs to; ciphers that authenticate bind it to that.
  virtual Result<std::string> encrypt(std::string_view context, std::string_view text) const = 0;
  // DataLoss for bytes that were not made with this key and context.
  virtual Result<std::string> decrypt(std::string_view context, std::string_view bytes) const = 0;
};

// AES with PKCS #7 padding; the value begins with its initialization vector. Keys have 16, 24 or 32 bytes.
Result<std::unique_ptr<const Cipher>> make_aes_cbc(std::string_view key);
// AES in Galois/Counter mode: 12 bytes of nonce, the text, 16 bytes of tag. Nonces are random, so a key is
// good for some hundred thousand writes.
Result<std::unique_ptr<const Cipher>> make_aes_gcm(std::string_view key);
// AES-GCM with a key of each value's own, made from the seed and 32 random bytes that stand in front
// (HKDF-Expand with SHA-256, RFC 5869): good for any number of writes. Seeds have at least 32 bytes.
Result<std::unique_ptr<const Cipher>> make_seeded_gcm(std::string_view seed);
// NaCl's secretbox, XSalsa20 with Poly1305: 24 bytes of nonce, 16 of tag, the text. Keys have 32 bytes.
Result<std::unique_ptr<const Cipher>> make_secretbox(std::string_view key);

}  // namespace gantry::kube
