// SPDX-License-Identifier: Apache-2.0
//
// JSON Web Tokens as registries use them (RFC 7519; claims by Docker's token specification): signed with
// ES256 by us, with ES256 or RS256 by others. The algorithm comes from the key, never from the token.
//
//   TokenKey key = TRY(TokenKey::load_or_create("/var/lib/gantry/token.pem"));
//   std::string token = TRY(key.sign(claims));
//   Claims claims = TRY(key.verify(token));     // the signature only; times and audience are check_claims()
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

struct evp_pkey_st;

namespace gantry::registry {

struct ResourceActions {
  std::string type;  // "repository", "registry"
  std::string name;
  std::vector<std::string> actions;
};

struct Claims {
  std::string issuer;
  std::string subject;
  std::vector<std::string> audience;
  std::int64_t expires = 0;     // seconds since 1970
  std::int64_t not_before = 0;  // the same
  std::int64_t issued = 0;
  std::string id;
  std::vector<ResourceActions> access;
  // Ours: a refresh token only gets new tokens, and dies when the password changes.
  std::string use;         // "refresh", or empty
  std::string generation;  // Htpasswd::generation()
};

// An EC P-256 or RSA key: the private half when it was loaded from one. May be used by any thread.
class TokenKey {
 public:
  // An EC P-256 private key; made, readable by us alone, if there is no such file.
  static Result<TokenKey> load_or_create(const std::string& path);
  // A public key, or the public half of a certificate.
  static Result<TokenKey> load_public(const std::string& path);
  static Result<TokenKey> parse_public(const std::string& pem);

  // The public half in PEM, to give to who is to trust it.
  Result<std::string> public_pem() const;

  Result<std::string> sign(const Claims& claims) const;
  Result<Claims> verify(std::string_view token) const;

  // The libtrust form of the key's identity, which registries call `kid`.
  const std::string& id() const { return id_; }

 private:
  struct Free {
    void operator()(evp_pkey_st* key) const;
  };
  using Key = std::unique_ptr<evp_pkey_st, Free>;
  static Result<TokenKey> with(Key key);
  TokenKey(Key key, std::string id, bool is_ec) : key_(std::move(key)), id_(std::move(id)), is_ec_(is_ec) {}

  Key key_;
  std::string id_;
  bool is_ec_;
};

// What a token says of itself, whoever signed it: for logs, never to decide by.
Result<Claims> peek_claims(std::string_view token);

// Whether the claims hold now (with a minute's tolerance for clocks), for this issuer and audience.
Result<void> check_claims(const Claims& claims, std::string_view issuer, std::string_view audience,
                          std::int64_t now);

}  // namespace gantry::registry
