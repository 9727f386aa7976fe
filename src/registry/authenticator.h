// SPDX-License-Identifier: Apache-2.0
//
// Who is asking, whether they may, and what to tell them if not. Knows headers and parameters, no connection.
//
//   Authenticator gate = ...;
//   Caller caller = TRY(gate.identify(authorization_header));   // an error is a 401
//   if (!gate.may(caller, "team/web", Action::Push)) ... gate.challenge(...)
//
// Basic credentials work wherever there are accounts. With tokens, the registry and the token service are
// the same rules looked at twice: a token says what was asked for and allowed.
//
// Tokens: https://distribution.github.io/distribution/spec/auth/token/, .../auth/jwt/ and .../auth/oauth/
// May be used by any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "oci/distribution/scope.h"
#include "registry/access.h"
#include "registry/config.h"
#include "registry/htpasswd.h"
#include "registry/jwt.h"

namespace gantry::registry {

struct Caller {
  std::string user;  // empty: did not say
  // What a bearer token grants; none for Basic and for those without credentials, whom the rules judge alone.
  std::optional<std::vector<ResourceActions>> granted;
  bool is_foreign = false;  // the token is of another issuer, whose word stands in place of our rules
};

enum class Verdict : std::uint8_t {
  Allowed,
  Unauthorized,  // credentials, or a token with more in it, could help: 401 with a challenge
  Denied,        // nothing would: 403
};

// What a client asked the token service for, by GET or POST.
struct TokenRequest {
  std::string service;
  std::vector<oci::Scope> scopes;
  std::string user, password;  // both empty: anonymous
  std::string refresh_token;   // in place of user and password
  bool wants_refresh_token = false;
};

class Authenticator {
 public:
  // Reads accounts and keys.
  static Result<std::unique_ptr<Authenticator>> open(const AuthConfig& config);

  // `authorization` is the header's value, empty if there is none. PermissionDenied: wrong credentials.
  Result<Caller> identify(std::string_view authorization);

  // Whether anonymous callers may see that there is a registry at all (GET /v2/).
  Verdict may_enter(const Caller& caller) const;
  Verdict may(const Caller& caller, std::string_view repository, Action action) const;
  // The catalogue: whether they may ask, and then which repositories are in it for them.
  Verdict may_list(const Caller& caller) const;
  bool sees(const Caller& caller, std::string_view repository) const;

  // The WWW-Authenticate value that goes with a 401. `own_url` ("https://host:port") is how the client
  // reached us; `scope` is what it would need, empty for nothing in particular. `failure` is empty,
  // "invalid_token" or "insufficient_scope" (RFC 6750, section 3.1).
  std::string challenge(std::string_view own_url, std::string_view scope, std::string_view failure) const;

  bool has_accounts() const { return htpasswd_ != nullptr || !issuers_.empty(); }
  bool has_token_service() const { return config_.token.has_value(); }
  // PermissionDenied: wrong credentials. A scope that is not allowed is left out of the token, not refused.
  Result<oci::TokenResponse> issue(const TokenRequest& request);

 private:
  struct TrustedIssuer {
    std::string issuer, service;
    TokenKey key;
  };
  explicit Authenticator(const AuthConfig& config) : config_(config), access_(config) {}
  Result<Caller> identify_token(std::string_view token) const;
  Result<std::string> authenticate(const TokenRequest& request);

  const AuthConfig config_;
  const Access access_;
  std::unique_ptr<Htpasswd> htpasswd_;  // null: no accounts
  std::optional<TokenKey> key_;         // of our own tokens
  std::vector<TrustedIssuer> issuers_;
};

}  // namespace gantry::registry
