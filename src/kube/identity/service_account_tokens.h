// SPDX-License-Identifier: Apache-2.0
//
// Tokens of service accounts
// (https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/): signed by us, for an
// audience and a time, bound to the account and, if asked, to a pod, secret or node; and the older ones that
// stand in secrets and never expire. A token is good as long as what it is bound to is there with the same
// uid.
#pragma once

#include <chrono>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/json_tree.h"
#include "base/mutex.h"
#include "kube/api/object_source.h"
#include "kube/api/status.h"
#include "kube/identity/jwt.h"
#include "kube/identity/token_authenticator.h"

namespace gantry::kube {

struct ServiceAccountOptions {
  // --service-account-issuer: the first one issues, all are accepted.
  std::vector<std::string> issuers = {"https://kubernetes.default.svc.cluster.local"};
  std::vector<std::string> audiences;  // --api-audiences; empty: the first issuer
  std::vector<Key> verification_keys;  // --service-account-key-file, beside the signing key's public half
  std::chrono::seconds longest = {};   // --service-account-max-token-expiration; 0: as long as is asked for
  bool extends_expiration = true;      // --service-account-extend-token-expiration
  bool looks_up = true;                // --service-account-lookup: whether what tokens are bound to is there
  std::string jwks_url;                // --service-account-jwks-uri; empty: below the issuer
};

class ServiceAccountTokens final : public TokenAuthenticator {
 public:
  // `objects` outlives this. `signing_key`: private.
  ServiceAccountTokens(ServiceAccountOptions options, Key signing_key, const ObjectSource& objects);

  Result<std::optional<TokenIdentity>> identify(std::string_view token,
                                                const std::vector<std::string>& audiences,
                                                std::int64_t now) const override;

  // The subresource serviceaccounts/token: a TokenRequest, answered with its status. `now`: seconds since
  // 1970.
  Answer<json::Tree> answer(std::string_view name_space, std::string_view account, json::Tree token_request,
                            std::int64_t now) const;

  // The token of a secret of type kubernetes.io/service-account-token.
  Result<std::string> legacy_token(std::string_view name_space, const json::Tree& account,
                                   std::string_view secret) const;

  // What the API server itself must be named as in a token.
  const std::vector<std::string>& audiences() const { return options_.audiences; }

  // The documents /.well-known/openid-configuration and /openid/v1/jwks (OpenID Connect Discovery 1.0).
  // Unsupported if the issuer is no https URL.
  Result<std::string> discovery_document() const;
  Result<std::string> key_set() const;

 private:
  bool is_signed_by_us(const Jwt& token) const;
  Result<void> check_signature(const Jwt& token, std::string_view text, std::int64_t now) const;
  Result<TokenIdentity> identify_bound(const Jwt& token, std::int64_t now) const;
  Result<TokenIdentity> identify_legacy(const Jwt& token, std::string_view text) const;
  Result<void> check_binding(const json::Tree& claim, std::string_view kind, std::string_view stored_as,
                             std::string_view name_space, std::int64_t now) const;

  ServiceAccountOptions options_;
  const Key signing_key_;
  const ObjectSource& objects_;
  // Hashes of tokens whose signature is right, until they expire: checking one takes a hundred times as long
  // as everything else.
  mutable Mutex mutex_;
  mutable std::unordered_map<std::string, std::int64_t> verified_ GUARDED_BY(mutex_);
};

// "system:serviceaccount:NAMESPACE:NAME" with its groups.
User service_account_user(std::string_view name_space, std::string_view name, std::string_view uid);

}  // namespace gantry::kube
