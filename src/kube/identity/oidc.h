// SPDX-License-Identifier: Apache-2.0
//
// Tokens of an OpenID Connect provider
// (https://kubernetes.io/docs/reference/access-authn-authz/authentication/ #openid-connect-tokens). Its keys
// are fetched when the first token comes, kept, and fetched anew when a token is signed by one that is not
// known, at most every few seconds.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kube/identity/token_authenticator.h"

namespace gantry::kube {

struct OidcOptions {
  std::string issuer_url;  // --oidc-issuer-url, https
  std::string client_id;   // --oidc-client-id
  std::string ca_file;     // --oidc-ca-file; empty: the authorities that the host trusts
  std::string username_claim = "sub";
  // --oidc-username-prefix: nothing means "ISSUER#" unless the claim is "email"; "-" means none.
  std::optional<std::string> username_prefix;
  std::string groups_claim;  // empty: no groups
  std::string groups_prefix;
  std::vector<std::string> signing_algorithms = {"RS256"};
  std::map<std::string, std::string> required_claims;
};

class Oidc final : public TokenAuthenticator {
 public:
  // InvalidArgument for options that cannot work. Nothing is fetched yet.
  static Result<std::shared_ptr<const Oidc>> make(OidcOptions options);
  ~Oidc() override;

  // May block, while it fetches keys.
  Result<std::optional<TokenIdentity>> identify(std::string_view token,
                                                const std::vector<std::string>& audiences,
                                                std::int64_t now) const override;

 private:
  class Keys;
  explicit Oidc(OidcOptions options, std::unique_ptr<Keys> keys);
  Result<TokenIdentity> identity_of(const json::Tree& claims) const;

  const OidcOptions options_;
  const std::unique_ptr<Keys> keys_;
};

}  // namespace gantry::kube
