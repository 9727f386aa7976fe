// SPDX-License-Identifier: Apache-2.0
//
// Keys that sign certificates and tokens: EC on P-256 (ours), P-384 and P-521, and RSA from 2048 bits on
// (others'). A Key has a private half only if it was made from one. Immutable, shared by its copies, for any
// thread.
//
//   const Key key = TRY(Key::generate());
//   const std::string signature = TRY(key.sign(content));
//   if (key.verify("ES256", content, signature)) ...
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/json_tree.h"

struct evp_pkey_st;

namespace gantry::kube {

class Key {
 public:
  static Result<Key> generate();  // EC on P-256
  // A private key, a public key, or the public key of a certificate.
  static Result<Key> from_pem(std::string_view pem);
  // A public key of a JSON Web Key Set (RFC 7517).
  static Result<Key> from_jwk(const json::Tree& jwk);

  bool is_private() const { return is_private_; }
  // PKCS #8; only of a private key.
  Result<std::string> private_pem() const;
  Result<std::string> public_pem() const;
  // With `use`, `alg` and `kid`; EC on P-256 and RSA.
  Result<json::Tree> to_jwk() const;

  // What Kubernetes has as a token's `kid`: the SHA-256 of the public key in DER, base64url without padding.
  const std::string& id() const { return id_; }
  // The algorithm that sign() has: "ES256" or "RS256".
  std::string_view algorithm() const { return algorithm_; }

  // A signature as JSON Web Signatures have it (RFC 7518 section 3).
  Result<std::string> sign(std::string_view content) const;
  // `algorithm`: what the signer says; false if this key is not for it. ES, RS and PS with 256, 384 and 512.
  bool verify(std::string_view algorithm, std::string_view content, std::string_view signature) const;

  // ---- Of this folder's own use

  // Takes the key over, also when it fails.
  static Result<Key> adopt(evp_pkey_st* owned, bool is_private);
  evp_pkey_st* get() const { return key_.get(); }

 private:
  Key(std::shared_ptr<evp_pkey_st> key, std::string id, std::string_view algorithm, bool is_private)
      : key_(std::move(key)), id_(std::move(id)), algorithm_(algorithm), is_private_(is_private) {}

  std::shared_ptr<evp_pkey_st> key_;
  std::string id_;
  std::string_view algorithm_;
  bool is_private_;
};

using Sha256 = std::array<std::byte, 32>;
Sha256 sha256(std::string_view bytes);

// Whether both are the same, in a time that does not tell where they differ.
bool equal_secrets(std::string_view a, std::string_view b);

}  // namespace gantry::kube
