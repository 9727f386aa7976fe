// SPDX-License-Identifier: Apache-2.0
#include "kube/identity/oidc.h"

#include <algorithm>

#include <fmt/format.h>

#include "http/client.h"
#include "kube/identity/jwt.h"

namespace gantry::kube {
namespace {

constexpr std::size_t kMaxDocument = 1 << 20;  // bytes
constexpr std::size_t kMaxKeys = 64;           // of a provider
constexpr std::int64_t kLeastPause = 10;       // seconds between two fetches
constexpr std::int64_t kClockTolerance = 10;   // seconds
constexpr std::chrono::seconds kFetchTime{10};

Error refused(std::string_view why) { return error(Code::PermissionDenied, "OIDC token: {}", why); }

struct NamedKey {
  std::string id;
  Key key;
};
using KeySet = std::vector<NamedKey>;

// Those that we do not understand are for others.
KeySet keys_in(const json::Tree& document) {
  KeySet keys;
  const json::Tree* list = document.find("keys");
  if (list == nullptr) return keys;
  for (const json::Tree& jwk : list->array()) {
    if (keys.size() == kMaxKeys) break;
    if (const std::string_view use = jwk.text_at("use"); !use.empty() && use != "sig") continue;
    if (auto key = Key::from_jwk(jwk)) keys.push_back({std::string(jwk.text_at("kid")), *std::move(key)});
  }
  return keys;
}

bool is_signed_by_one_of(const KeySet& keys, const Jwt& token) {
  return std::ranges::any_of(keys, [&](const NamedKey& each) {
    return (token.key_id.empty() || each.id.empty() || each.id == token.key_id) &&
           token.is_signed_by(each.key);
  });
}

}  // namespace

// The provider's keys, as they were fetched last.
class Oidc::Keys {
 public:
  Keys(std::string issuer, http::ClientOptions options)
      : issuer_(std::move(issuer)), client_(std::move(options)) {}

  Result<void> check(const Jwt& token, std::int64_t now) {
    const auto known = current();
    if (known != nullptr && is_signed_by_one_of(*known, token)) return {};
    const auto newer = TRY(refreshed(known, now));
    if (is_signed_by_one_of(*newer, token)) return {};
    return refused("the signature is not the provider's");
  }

 private:
  std::shared_ptr<const KeySet> current() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return keys_;
  }

  // Newer ones than `known`, or the same ones if it is too early to ask again. One thread asks, others wait
  // for it.
  Result<std::shared_ptr<const KeySet>> refreshed(const std::shared_ptr<const KeySet>& known,
                                                  std::int64_t now) EXCLUDES(fetching_, mutex_) {
    MutexLock fetching(fetching_);
    if (auto by_another = current(); by_another != known) return by_another;
    if (now < next_fetch_) {
      if (known != nullptr) return known;
      return error(Code::Unavailable, "OIDC: the provider's keys could not be fetched a moment ago");
    }
    next_fetch_ = now + kLeastPause;
    auto keys = std::make_shared<const KeySet>(TRY_DURING(fetch(), "OIDC: keys of '{}'", issuer_));
    MutexLock lock(mutex_);
    keys_ = keys;
    return keys;
  }

  Result<KeySet> fetch() {
    const std::string_view base =
        issuer_.ends_with('/') ? std::string_view(issuer_).substr(0, issuer_.size() - 1) : issuer_;
    const json::Tree discovery = TRY(get(fmt::format("{}/.well-known/openid-configuration", base)));
    if (discovery.text_at("issuer") != issuer_)
      return error(Code::PermissionDenied, "the provider calls itself by another name");
    return keys_in(TRY(get(std::string(discovery.text_at("jwks_uri")))));
  }

  Result<json::Tree> get(const std::string& url) {
    const http::ClientRequest request{.url = TRY(http::Url::parse(url)),
                                      .deadline = std::chrono::steady_clock::now() + kFetchTime};
    if (!request.url.is_tls()) return error(Code::PermissionDenied, "'{}' is not https", url);
    http::ClientResponse response = TRY(client_.send(request));
    std::string body = TRY(response.read_body(kMaxDocument));
    if (!response.is_success()) return error(Code::Unavailable, "'{}' answered {}", url, response.status());
    return json::Tree::parse(std::move(body));
  }

  const std::string issuer_;
  http::Client client_;
  Mutex fetching_;                                     // one fetch at a time; taken before mutex_
  std::int64_t next_fetch_ GUARDED_BY(fetching_) = 0;  // seconds since 1970
  Mutex mutex_;                                        // guards what follows
  std::shared_ptr<const KeySet> keys_ GUARDED_BY(mutex_);
};

Result<std::shared_ptr<const Oidc>> Oidc::make(OidcOptions options) {
  const http::Url issuer = TRY_DURING(http::Url::parse(options.issuer_url), "OIDC issuer");
  if (!issuer.is_tls())
    return error(Code::InvalidArgument, "OIDC issuer '{}': not an https URL", issuer.str());
  if (options.client_id.empty()) return error(Code::InvalidArgument, "OIDC: no client id");
  http::ClientOptions client;
  if (!options.ca_file.empty()) client.tls = {.trust_system = false, .ca_files = {options.ca_file}};
  auto keys = std::make_unique<Keys>(options.issuer_url, std::move(client));
  return std::shared_ptr<const Oidc>(new Oidc(std::move(options), std::move(keys)));
}

Oidc::Oidc(OidcOptions options, std::unique_ptr<Keys> keys)
    : options_(std::move(options)), keys_(std::move(keys)) {}
Oidc::~Oidc() = default;

Result<std::optional<TokenIdentity>> Oidc::identify(std::string_view text,
                                                    const std::vector<std::string>& /*audiences*/,
                                                    std::int64_t now) const {
  const auto token = Jwt::parse(text);
  if (!token || token->issuer() != options_.issuer_url) return std::optional<TokenIdentity>();
  if (std::ranges::find(options_.signing_algorithms, token->algorithm) == options_.signing_algorithms.end())
    return refused(fmt::format("signed with '{}', which is not allowed", token->algorithm));
  TRY(keys_->check(*token, now));
  TRY(check_times(*token, now, kClockTolerance));
  const std::vector<std::string> audiences = token->audiences();
  if (std::ranges::find(audiences, options_.client_id) == audiences.end())
    return refused("it is for another client");
  TokenIdentity identity = TRY(identity_of(token->claims));
  identity.valid_until = token->expires().value_or(0);
  return std::optional(std::move(identity));
}

Result<TokenIdentity> Oidc::identity_of(const json::Tree& claims) const {
  for (const auto& [claim, value] : options_.required_claims)
    if (claims.text_at(std::string_view(claim)) != value)
      return refused(fmt::format("claim '{}' has not the required value", claim));
  const std::string_view name = claims.text_at(std::string_view(options_.username_claim));
  if (name.empty()) return refused(fmt::format("no claim '{}'", options_.username_claim));
  const bool is_email = options_.username_claim == "email";
  if (const json::Tree* verified = claims.find("email_verified");
      is_email && verified != nullptr && !verified->as_bool())
    return refused("the provider has not verified the email address");

  std::string prefix = options_.username_prefix.value_or(is_email ? "" : options_.issuer_url + "#");
  if (prefix == "-") prefix.clear();
  User user{.name = fmt::format("{}{}", prefix, name)};
  if (const json::Tree* groups =
          options_.groups_claim.empty() ? nullptr : claims.find(std::string_view(options_.groups_claim))) {
    const auto add = [&](const json::Tree& group) {
      user.groups.push_back(fmt::format("{}{}", options_.groups_prefix, group.as_string()));
    };
    if (groups->is_string()) add(*groups);
    for (const json::Tree& group : groups->array()) add(group);
  }
  return TokenIdentity{.user = std::move(user)};
}

}  // namespace gantry::kube
