// SPDX-License-Identifier: Apache-2.0
#include "registry/authenticator.h"

#include <algorithm>
#include <ctime>

#include "base/random.h"
#include "base/timestamp.h"
#include "http/headers.h"
#include "http/message.h"
#include "oci/distribution/challenge.h"

namespace gantry::registry {

Result<std::unique_ptr<Authenticator>> Authenticator::open(const AuthConfig& config) {
  std::unique_ptr<Authenticator> gate(new Authenticator(config));
  if (!config.htpasswd.empty()) gate->htpasswd_ = TRY(Htpasswd::open(config.htpasswd));
  if (config.token) gate->key_ = TRY(TokenKey::load_or_create(config.token->key));
  for (const IssuerConfig& issuer : config.issuers)
    gate->issuers_.emplace_back(issuer.issuer, issuer.service, TRY(TokenKey::load_public(issuer.public_key)));
  return gate;
}

static Error wrong_credentials() { return error(Code::PermissionDenied, "wrong user name or password"); }

Result<Caller> Authenticator::identify(std::string_view authorization) {
  if (authorization.empty() || !has_accounts()) return Caller{};
  const std::size_t space = authorization.find(' ');
  const std::string_view scheme = authorization.substr(0, space);
  if (http::equals_ignoring_case(scheme, "Bearer") && space != authorization.npos)
    return identify_token(http::trim(authorization.substr(space)));
  const auto credentials = http::parse_basic(authorization);
  if (!credentials || !htpasswd_ || !htpasswd_->verify(credentials->user, credentials->password))
    return wrong_credentials();
  return Caller{.user = credentials->user};
}

Result<Caller> Authenticator::identify_token(std::string_view token) const {
  const std::int64_t now = std::time(nullptr);
  const auto caller_of = [](Claims claims, bool is_foreign) {
    return Caller{std::move(claims.subject), std::move(claims.access), is_foreign};
  };
  if (key_) {
    Claims claims = TRY(key_->verify(token));
    TRY(check_claims(claims, config_.token->issuer, config_.token->service, now));
    if (!claims.use.empty()) return error(Code::PermissionDenied, "token: only good for getting new ones");
    return caller_of(std::move(claims), false);
  }
  Error why = error(Code::PermissionDenied, "tokens are not taken here");
  for (const TrustedIssuer& issuer : issuers_) {
    Result<Claims> claims = issuer.key.verify(token);
    if (claims) {
      TRY(check_claims(*claims, issuer.issuer, issuer.service, now));
      return caller_of(std::move(*claims), true);
    }
    why = std::move(claims).error();
  }
  return why;
}

static bool grants(const Caller& caller, std::string_view type, std::string_view name,
                   std::string_view action) {
  if (!caller.granted) return false;
  return std::ranges::any_of(*caller.granted, [&](const ResourceActions& access) {
    return access.type == type && access.name == name &&
           std::ranges::any_of(access.actions,
                               [&](const std::string& word) { return word == action || word == "*"; });
  });
}

Verdict Authenticator::may_enter(const Caller& caller) const {
  const bool is_known = !caller.user.empty() || caller.granted;
  return is_known || !has_accounts() ? Verdict::Allowed : Verdict::Unauthorized;
}

Verdict Authenticator::may(const Caller& caller, std::string_view repository, Action action) const {
  if (access_.allows("", repository, action)) return Verdict::Allowed;
  if (grants(caller, "repository", repository, word_of(action))) return Verdict::Allowed;
  if (caller.is_foreign) return Verdict::Unauthorized;  // its issuer may know better
  const bool by_rules = access_.allows(caller.user, repository, action);
  if (by_rules && !caller.granted) return Verdict::Allowed;
  if (by_rules) return Verdict::Unauthorized;  // a token with this in it can be had
  return caller.user.empty() && has_accounts() ? Verdict::Unauthorized : Verdict::Denied;
}

Verdict Authenticator::may_list(const Caller& caller) const {
  if (!has_accounts() || (!caller.user.empty() && !caller.granted) ||
      grants(caller, "registry", "catalog", "*"))
    return Verdict::Allowed;
  return Verdict::Unauthorized;
}

bool Authenticator::sees(const Caller& caller, std::string_view repository) const {
  return caller.is_foreign || access_.allows(caller.user, repository, Action::Pull);
}

std::string Authenticator::challenge(std::string_view own_url, std::string_view scope,
                                     std::string_view failure) const {
  oci::Challenge challenge;
  if (!config_.token && config_.issuers.empty()) {
    challenge.scheme = "basic";
    challenge.parameters = {{"realm", config_.realm}};
    return oci::to_header(challenge);
  }
  std::string realm = config_.token ? config_.token->realm : config_.issuers.front().realm;
  if (realm.empty()) realm = std::string(own_url) + "/token";
  challenge.scheme = "bearer";
  challenge.parameters = {
      {"realm", realm},
      {"service", config_.token ? config_.token->service : config_.issuers.front().service}};
  if (!scope.empty()) challenge.parameters.emplace_back("scope", scope);
  if (!failure.empty()) challenge.parameters.emplace_back("error", failure);
  return oci::to_header(challenge);
}

// The user's name; empty for nobody in particular.
Result<std::string> Authenticator::authenticate(const TokenRequest& request) {
  if (!request.refresh_token.empty()) {
    const Claims claims = TRY(key_->verify(request.refresh_token));
    TRY(check_claims(claims, config_.token->issuer, config_.token->service, std::time(nullptr)));
    if (claims.use != "refresh") return error(Code::PermissionDenied, "token: not one for getting new ones");
    const std::string generation = htpasswd_->generation(claims.subject);
    if (generation.empty() || generation != claims.generation)
      return error(Code::PermissionDenied, "the account of '{}' has changed since: log in again",
                   claims.subject);
    return claims.subject;
  }
  if (request.user.empty() && request.password.empty()) return std::string();
  if (!htpasswd_->verify(request.user, request.password)) return wrong_credentials();
  return request.user;
}

Result<oci::TokenResponse> Authenticator::issue(const TokenRequest& request) {
  if (!config_.token) return error(Code::NotFound, "there is no token service here");
  const TokenConfig& config = *config_.token;
  if (request.service != config.service)
    return error(Code::InvalidArgument, "tokens are given for service '{}', not for '{}'", config.service,
                 request.service);
  const std::string user = TRY(authenticate(request));

  const std::int64_t now = std::time(nullptr);
  Claims claims{.issuer = config.issuer,
                .subject = user,
                .audience = {config.service},
                .expires = now + config.lifetime_seconds,
                .not_before = now,
                .issued = now,
                .id = random_hex(16)};
  for (const oci::Scope& scope : request.scopes) {
    ResourceActions granted{scope.type, scope.name, {}};
    if (scope.type == "repository") {
      const Actions allowed = access_.allowed(user, scope.name);
      for (const std::string& word : scope.actions) {
        const Actions wanted = parse_actions(word);
        for (const Action action : {Action::Pull, Action::Push, Action::Delete})
          if ((wanted & allowed).has(action)) granted.actions.emplace_back(word_of(action));
      }
    } else if (scope.type == "registry" && scope.name == "catalog" && !user.empty()) {
      granted.actions = {"*"};
    }
    if (!granted.actions.empty()) claims.access.push_back(std::move(granted));
  }

  oci::TokenResponse response{.token = TRY(key_->sign(claims)),
                              .expires_in = std::chrono::seconds(config.lifetime_seconds),
                              .issued_at = format_timestamp({.tv_sec = now, .tv_nsec = 0})};
  if (request.wants_refresh_token && !user.empty()) {
    claims.access.clear();
    claims.use = "refresh";
    claims.generation = htpasswd_->generation(user);
    claims.expires = now + config.refresh_lifetime_seconds;
    claims.id = random_hex(16);
    response.refresh_token = TRY(key_->sign(claims));
  }
  return response;
}

}  // namespace gantry::registry
