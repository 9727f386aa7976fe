// SPDX-License-Identifier: Apache-2.0
#include "image/transfer/authorizer.h"

#include <algorithm>
#include <utility>

#include "http/message.h"
#include "oci/distribution/error_document.h"

namespace gantry::image {
namespace {

using std::chrono::steady_clock;

// A token is not used in its last seconds: the request still has to arrive.
constexpr std::chrono::seconds kTokenMargin{5};
// docker's own servers are told who is asking.
constexpr std::string_view kClientId = "gantry";

const oci::Challenge* find(const std::vector<oci::Challenge>& challenges, std::string_view scheme) {
  const auto found = std::ranges::find(challenges, scheme, &oci::Challenge::scheme);
  return found == challenges.end() ? nullptr : &*found;
}

// Adds what is not covered yet.
void merge(std::vector<oci::Scope>& scopes, const std::vector<oci::Scope>& more) {
  for (const oci::Scope& scope : more)
    if (std::ranges::none_of(scopes, [&](const oci::Scope& known) { return known.covers(scope); }))
      scopes.push_back(scope);
}

}  // namespace

Authorizer::Authorizer(http::Client& client, http::Url registry, std::optional<Credentials> credentials)
    : client_(client), registry_(std::move(registry)), credentials_(std::move(credentials)) {}

Result<std::string> Authorizer::authorization(const std::vector<oci::Scope>& scopes) {
  MutexLock lock(mutex_);
  // A token that the caller of an API brought himself serves everything.
  if (credentials_ && !credentials_->registry_token.empty()) return "Bearer " + credentials_->registry_token;
  if (realm_) return bearer(scopes);
  if (is_basic_) return http::format_basic({credentials_->username, credentials_->password});
  return std::string();
}

Result<bool> Authorizer::learn(const http::HeaderMap& headers, const std::vector<oci::Scope>& scopes,
                               const std::string& sent) {
  std::vector<oci::Challenge> challenges;
  for (const std::string_view value : headers.all("WWW-Authenticate"))
    for (oci::Challenge& challenge : TRY_DURING(oci::parse_challenges(value), "WWW-Authenticate"))
      challenges.push_back(std::move(challenge));

  MutexLock lock(mutex_);
  if (const oci::Challenge* wanted = find(challenges, "bearer")) {
    const std::string key = oci::to_string(scopes);
    TRY(take_realm(*wanted));
    // Some servers want a scope that the specification does not tell. What is no scope is their own affair.
    if (const std::string* text = wanted->parameter("scope"))
      if (auto asked = oci::parse_scopes(*text)) merge(more_scopes_[key], *asked);
    const auto token = tokens_.find(key);
    if (token == tokens_.end()) return true;
    // Otherwise another thread has got a newer one by now. A token may also be taken back before its time, so
    // a new one is worth a try; how often is for the caller to say.
    if (sent == "Bearer " + token->second.text) tokens_.erase(token);
    return true;
  }
  if (find(challenges, "basic") != nullptr) {
    if (!credentials_ || credentials_->username.empty()) return false;
    if (sent.starts_with("Basic ")) return false;
    realm_.reset();
    is_basic_ = true;
    return true;
  }
  if (challenges.empty()) return false;
  std::string schemes;
  for (const oci::Challenge& challenge : challenges)
    schemes += (schemes.empty() ? "'" : ", '") + challenge.scheme + "'";
  return error(Code::Unsupported,
               "the registry asks for authentication by {}; only Basic and Bearer are known", schemes);
}

Result<void> Authorizer::take_realm(const oci::Challenge& challenge) {
  const std::string* text = challenge.parameter("realm");
  if (text == nullptr) return error(Code::DataLoss, "the registry's Bearer challenge names no realm");
  http::Url url = TRY_DURING(http::Url::parse(*text), "realm of the registry's Bearer challenge");
  if (registry_.is_tls() && !url.is_tls())
    return error(Code::PermissionDenied,
                 "the registry sends for tokens to '{}', which is not encrypted as the registry is",
                 url.str());
  const std::string* service = challenge.parameter("service");
  Realm realm{std::move(url), service == nullptr ? "" : *service};
  if (realm_ && (realm_->url != realm.url || realm_->service != realm.service)) tokens_.clear();
  realm_ = std::move(realm);
  return {};
}

Result<std::string> Authorizer::bearer(const std::vector<oci::Scope>& scopes) {
  const std::string key = oci::to_string(scopes);
  const auto found = tokens_.find(key);
  if (found != tokens_.end() && steady_clock::now() + kTokenMargin < found->second.expires)
    return "Bearer " + found->second.text;
  std::vector<oci::Scope> all = scopes;
  if (const auto more = more_scopes_.find(key); more != more_scopes_.end()) merge(all, more->second);
  Token token = TRY_DURING(fetch(all), "get a token from '{}'", realm_->url.str());
  return "Bearer " + (tokens_[key] = std::move(token)).text;
}

Result<Authorizer::Token> Authorizer::fetch(const std::vector<oci::Scope>& scopes) {
  const auto asked = steady_clock::now();  // the lifetime begins no later than that
  http::ClientResponse response = TRY(client_.send(TRY(token_request(scopes))));
  const std::string body = TRY(response.read_body(1 << 20));
  if (response.status() != 200) {
    const std::string said = oci::describe(oci::parse_registry_errors(body));
    return error(http::code_of_status(response.status()), "{} {}{}{}", response.status(),
                 http::status_text(response.status()), said.empty() ? "" : ": ", said);
  }
  oci::TokenResponse answer = TRY(oci::parse_token_response(body));
  return Token{std::move(answer.token), asked + answer.expires_in};
}

Result<http::ClientRequest> Authorizer::token_request(const std::vector<oci::Scope>& scopes) const {
  http::ClientRequest request{.url = realm_->url};
  http::Query query = TRY(http::Query::parse(request.url.query.value_or("")));
  if (!realm_->service.empty()) query.add("service", realm_->service);
  if (credentials_ && !credentials_->identity_token.empty()) {
    http::Query form;
    form.add("grant_type", "refresh_token");
    form.add("refresh_token", credentials_->identity_token);
    form.add("client_id", std::string(kClientId));
    if (!realm_->service.empty()) form.add("service", realm_->service);
    if (!scopes.empty()) form.add("scope", oci::to_string(scopes));
    request.method = "POST";
    request.headers.set("Content-Type", "application/x-www-form-urlencoded");
    request.body = form.str();
    return request;
  }
  for (const oci::Scope& scope : scopes) query.add("scope", scope.str());
  if (credentials_ && !credentials_->username.empty()) {
    query.add("account", credentials_->username);
    request.headers.set("Authorization",
                        http::format_basic({credentials_->username, credentials_->password}));
  }
  if (!query.empty()) request.url.query = query.str();
  return request;
}

}  // namespace gantry::image
