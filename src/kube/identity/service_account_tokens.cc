// SPDX-License-Identifier: Apache-2.0
#include "kube/identity/service_account_tokens.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/random.h"
#include "base/timestamp.h"
#include "kube/api/stored_kinds.h"
#include "kube/api/tree_lists.h"

namespace gantry::kube {
namespace {

constexpr std::string_view kLegacyIssuer = "kubernetes/serviceaccount";
constexpr std::string_view kPrefix = "system:serviceaccount:";
constexpr std::size_t kMaxVerified = 8192;  // tokens
constexpr std::int64_t kShortest = 600;     // seconds
constexpr std::int64_t kLongest = std::int64_t{1} << 32;
// What node agents ask for on behalf of pods. Old clients do not read a renewed token; theirs are good for a
// year, and what is used after the time that was asked for can be warned of.
constexpr std::int64_t kAskedByNodes = 3607;
constexpr std::int64_t kExtended = 365 * 86'400;
constexpr std::int64_t kGrace =
    60;  // seconds that a token outlives what it is bound to, once that is being deleted
constexpr const char* kKubernetes = "kubernetes.io";

Error refused(std::string_view why) {
  return error(Code::PermissionDenied, "service account token: {}", why);
}

std::string time_text(std::int64_t seconds) {
  // To the second, as all times of the API.
  return fmt::format("{}Z", format_timestamp({.tv_sec = seconds}).substr(0, 19));
}

json::Tree reference(std::string_view name, std::string_view uid) {
  json::TreeObject object;
  object["name"] = name;
  object["uid"] = uid;
  return object;
}

// Seconds since 1970 when it began to go; nothing: it stays.
std::optional<std::int64_t> deleted_at(const json::Tree& object) {
  const json::Tree* time = object.find("metadata", "deletionTimestamp");
  if (time == nullptr || time->is_null()) return std::nullopt;
  return parse_timestamp(time->as_string()).value_or(0) / 1'000'000'000;
}

Cause wrong(std::string field, std::string value, std::string_view why) {
  return {"FieldValueInvalid", fmt::format("Invalid value: {}: {}", value, why), std::move(field)};
}

struct BoundObject {
  std::string_view kind;
  const char* stored_as;
  const char* plural;
  const char* claim;
  bool is_namespaced;
};
constexpr BoundObject kBound[] = {{"Pod", stored::kPods, "pods", "pod", true},
                                  {"Secret", stored::kSecrets, "secrets", "secret", true},
                                  {"Node", stored::kNodes, "nodes", "node", false}};

// The user's extra values that tell what the token is bound to.
void add_extra(User& user, const json::Tree& kubernetes, const Jwt& token) {
  const auto add = [&](std::string_view key, std::string_view value) {
    if (!value.empty())
      user.extra[fmt::format("authentication.kubernetes.io/{}", key)] = {std::string(value)};
  };
  add("pod-name", kubernetes.text_at("pod", "name"));
  add("pod-uid", kubernetes.text_at("pod", "uid"));
  add("node-name", kubernetes.text_at("node", "name"));
  add("node-uid", kubernetes.text_at("node", "uid"));
  if (const std::string_view id = token.claims.text_at("jti"); !id.empty())
    add("credential-id", fmt::format("JTI={}", id));
}

}  // namespace

User service_account_user(std::string_view name_space, std::string_view name, std::string_view uid) {
  return {.name = fmt::format("{}{}:{}", kPrefix, name_space, name),
          .uid = std::string(uid),
          .groups = {"system:serviceaccounts", fmt::format("system:serviceaccounts:{}", name_space)}};
}

ServiceAccountTokens::ServiceAccountTokens(ServiceAccountOptions options, Key signing_key,
                                           const ObjectSource& objects)
    : options_(std::move(options)), signing_key_(std::move(signing_key)), objects_(objects) {
  if (options_.audiences.empty() && !options_.issuers.empty())
    options_.audiences = {options_.issuers.front()};
  options_.verification_keys.push_back(signing_key_);
}

// ---- Verifying

Result<std::optional<TokenIdentity>> ServiceAccountTokens::identify(std::string_view text,
                                                                    const std::vector<std::string>& audiences,
                                                                    std::int64_t now) const {
  const auto token = Jwt::parse(text);
  if (!token) return std::optional<TokenIdentity>();  // of another kind
  const bool is_legacy = token->issuer() == kLegacyIssuer;
  if (!is_legacy && std::ranges::find(options_.issuers, token->issuer()) == options_.issuers.end())
    return std::optional<TokenIdentity>();
  TRY(check_signature(*token, text, now));
  if (!is_legacy) TRY(check_times(*token, now, 0));
  const std::vector<std::string> given = is_legacy ? options_.audiences : token->audiences();
  std::vector<std::string> common = common_audiences(audiences, given);
  if (common.empty()) return refused(fmt::format("it is for {} other audiences", given.size()));
  TokenIdentity identity = is_legacy ? TRY(identify_legacy(*token, text)) : TRY(identify_bound(*token, now));
  identity.audiences = std::move(common);
  return std::optional(std::move(identity));
}

bool ServiceAccountTokens::is_signed_by_us(const Jwt& token) const {
  // The key that is named first, if one is: mostly that is all.
  for (const bool named : {true, false})
    for (const Key& key : options_.verification_keys)
      if ((key.id() == token.key_id) == named && token.is_signed_by(key)) return true;
  return false;
}

Result<void> ServiceAccountTokens::check_signature(const Jwt& token, std::string_view text,
                                                   std::int64_t now) const {
  const Sha256 hash = sha256(text);
  const std::string key(reinterpret_cast<const char*>(hash.data()), hash.size());
  {
    MutexLock lock(mutex_);
    if (const auto found = verified_.find(key); found != verified_.end() && now < found->second) return {};
  }
  if (!is_signed_by_us(token)) return refused("the signature is not ours");
  MutexLock lock(mutex_);
  if (verified_.size() >= kMaxVerified)
    verified_.erase(verified_.begin());  // it is checked again, that is all
  verified_[key] = token.expires().value_or(now + kShortest);
  return {};
}

Result<void> ServiceAccountTokens::check_binding(const json::Tree& claim, std::string_view kind,
                                                 std::string_view stored_as, std::string_view name_space,
                                                 std::int64_t now) const {
  const auto object = objects_.get(stored_as, name_space, claim.text_at("name"));
  if (!object) return refused(fmt::format("its {} is gone", kind));
  if (object->text_at("metadata", "uid") != claim.text_at("uid"))
    return refused(fmt::format("its {} is another one by now", kind));
  if (const auto deleted = deleted_at(*object); deleted && now > *deleted + kGrace)
    return refused(fmt::format("its {} is being deleted", kind));
  return {};
}

Result<TokenIdentity> ServiceAccountTokens::identify_bound(const Jwt& token, std::int64_t now) const {
  const json::Tree* kubernetes = token.claims.find(kKubernetes);
  if (kubernetes == nullptr) return refused("it names no service account");
  const std::string_view name_space = kubernetes->text_at("namespace");
  const std::string_view name = kubernetes->text_at("serviceaccount", "name");
  TokenIdentity identity{
      .user = service_account_user(name_space, name, kubernetes->text_at("serviceaccount", "uid")),
      .valid_until = token.expires().value_or(0)};
  if (name.empty() || identity.user.name != token.subject()) return refused("it contradicts itself");
  if (options_.looks_up) {
    TRY(check_binding(*kubernetes->find("serviceaccount"), "account", stored::kServiceAccounts, name_space,
                      now));
    for (const BoundObject& bound : kBound)
      // A pod's token names its node only to tell it; the pod is what it is bound to.
      if (const json::Tree* claim = kubernetes->find(bound.claim);
          claim != nullptr && (bound.is_namespaced || kubernetes->find("pod") == nullptr))
        TRY(check_binding(*claim, bound.claim, bound.stored_as, bound.is_namespaced ? name_space : "", now));
  }
  add_extra(identity.user, *kubernetes, token);
  return identity;
}

Result<TokenIdentity> ServiceAccountTokens::identify_legacy(const Jwt& token, std::string_view text) const {
  const auto claim = [&](const char* name) {
    return token.claims.text_at(std::string_view(fmt::format("kubernetes.io/serviceaccount/{}", name)));
  };
  const std::string_view name_space = claim("namespace"), name = claim("service-account.name");
  const std::string_view uid = claim("service-account.uid"), secret_name = claim("secret.name");
  TokenIdentity identity{.user = service_account_user(name_space, name, uid)};
  if (name.empty() || identity.user.name != token.subject()) return refused("it contradicts itself");
  if (!options_.looks_up) return identity;
  const auto secret = objects_.get(stored::kSecrets, name_space, secret_name);
  if (!secret || deleted_at(*secret)) return refused("its secret is gone");
  if (!equal_secrets(from_base64(secret->text_at("data", "token")).value_or(std::string()), text))
    return refused("its secret has another token");
  const auto account = objects_.get(stored::kServiceAccounts, name_space, name);
  if (!account || deleted_at(*account)) return refused("its account is gone");
  if (account->text_at("metadata", "uid") != uid) return refused("its account is another one by now");
  return identity;
}

// ---- Issuing

namespace {

json::Tree texts(const std::vector<std::string>& words) {
  json::TreeArray array;
  for (const std::string& word : words) array.emplace_back(word);
  return array;
}

// Fills in what was not said, and finds what is wrong.
std::vector<Cause> complete_spec(json::TreeObject& spec, const std::vector<std::string>& default_audiences) {
  std::vector<Cause> causes;
  if (json::Tree& audiences = spec["audiences"]; audiences.array().empty())
    audiences = texts(default_audiences);
  json::Tree& seconds = spec["expirationSeconds"];
  if (seconds.is_null()) seconds = 3600;
  const std::int64_t wanted = seconds.as_int64().value_or(0);
  if (wanted < kShortest)
    causes.push_back(wrong("spec.expirationSeconds", fmt::format("{}", wanted),
                           "may not specify a duration less than 10 minutes"));
  if (wanted > kLongest)
    causes.push_back(wrong("spec.expirationSeconds", fmt::format("{}", wanted),
                           "may not specify a duration larger than 2^32 seconds"));
  return causes;
}

// Adds the claim for what the token is to be bound to.
Answer<void> bind(const ObjectSource& objects, std::string_view name_space, std::string_view account,
                  const json::Tree& wanted, json::TreeObject& kubernetes) {
  const std::string_view kind = wanted.text_at("kind"), name = wanted.text_at("name");
  const auto* bound = std::ranges::find(kBound, kind, &BoundObject::kind);
  if (bound == std::end(kBound) || wanted.text_at("apiVersion") != "v1")
    return bad_request(
        fmt::format("cannot bind token to object of type {}/{}", wanted.text_at("apiVersion"), kind));
  const ResourceId id{"", bound->plural};
  const auto object = objects.get(bound->stored_as, bound->is_namespaced ? name_space : "", name);
  if (!object) return not_found(id, name);
  const std::string_view uid = object->text_at("metadata", "uid");
  if (const std::string_view asked = wanted.text_at("uid"); !asked.empty() && asked != uid)
    return conflict(
        id, name,
        fmt::format("the UID in the bound object reference ({}) does not match the UID in record. The "
                    "object might have been deleted and then recreated",
                    asked));
  if (kind == "Pod") {
    if (object->text_at("spec", "serviceAccountName") != account)
      return bad_request(fmt::format(
          "cannot bind token for serviceaccount \"{}\" to pod running with different serviceaccount name.",
          account));
    if (const std::string_view node = object->text_at("spec", "nodeName"); !node.empty())
      if (const auto found = objects.get(stored::kNodes, "", node))
        kubernetes["node"] = reference(node, found->text_at("metadata", "uid"));
  }
  kubernetes[bound->claim] = reference(name, uid);
  return {};
}

}  // namespace

Answer<json::Tree> ServiceAccountTokens::answer(std::string_view name_space, std::string_view account,
                                                json::Tree request, std::int64_t now) const {
  const auto found = objects_.get(stored::kServiceAccounts, name_space, account);
  if (!found) return not_found({"", "serviceaccounts"}, account);
  json::TreeObject& spec = request.object()["spec"].object();
  if (auto causes = complete_spec(spec, options_.audiences); !causes.empty())
    return invalid("authentication.k8s.io", "TokenRequest", "", std::move(causes));

  json::TreeObject kubernetes;
  kubernetes["namespace"] = name_space;
  kubernetes["serviceaccount"] = reference(account, found->text_at("metadata", "uid"));
  const json::Tree* wanted = spec.find("boundObjectRef");
  if (wanted != nullptr && !wanted->is_null()) TRY(bind(objects_, name_space, account, *wanted, kubernetes));

  std::int64_t seconds = spec["expirationSeconds"].as_int64().value_or(0);
  if (options_.longest.count() != 0)
    seconds = std::min(seconds, static_cast<std::int64_t>(options_.longest.count()));
  const bool is_extended = options_.extends_expiration && seconds == kAskedByNodes &&
                           kubernetes.contains("pod") && words_of(&spec["audiences"]) == options_.audiences;
  if (is_extended) kubernetes["warnafter"] = now + seconds;

  json::TreeObject claims;
  claims["iss"] = options_.issuers.front();
  claims["sub"] = fmt::format("{}{}:{}", kPrefix, name_space, account);
  claims["aud"] = spec["audiences"];
  claims["iat"] = now;
  claims["nbf"] = now;
  claims["exp"] = now + (is_extended ? kExtended : seconds);
  claims["jti"] = random_uuid();
  claims[kKubernetes] = std::move(kubernetes);

  spec["expirationSeconds"] = seconds;
  json::TreeObject status;
  status["token"] = TRY(sign_jwt(signing_key_, claims));
  status["expirationTimestamp"] = time_text(now + seconds);
  request.object()["status"] = std::move(status);
  return request;
}

Result<std::string> ServiceAccountTokens::legacy_token(std::string_view name_space, const json::Tree& account,
                                                       std::string_view secret) const {
  const std::string_view name = account.text_at("metadata", "name");
  json::TreeObject claims;
  claims["iss"] = kLegacyIssuer;
  claims["sub"] = fmt::format("{}{}:{}", kPrefix, name_space, name);
  claims["kubernetes.io/serviceaccount/namespace"] = name_space;
  claims["kubernetes.io/serviceaccount/secret.name"] = secret;
  claims["kubernetes.io/serviceaccount/service-account.name"] = name;
  claims["kubernetes.io/serviceaccount/service-account.uid"] = account.text_at("metadata", "uid");
  return sign_jwt(signing_key_, claims);
}

// ---- For those who verify tokens without us

Result<std::string> ServiceAccountTokens::discovery_document() const {
  const std::string& issuer = options_.issuers.front();
  if (!issuer.starts_with("https://"))
    return error(Code::Unsupported, "the issuer of service accounts' tokens, '{}', is no https URL", issuer);
  std::string url = options_.jwks_url;
  if (url.empty()) url = fmt::format("{}{}openid/v1/jwks", issuer, issuer.ends_with('/') ? "" : "/");
  json::Writer w;
  w.begin_object();
  w.key("issuer").value(issuer).key("jwks_uri").value(url);
  w.key("response_types_supported").begin_array().value("id_token").end_array();
  w.key("subject_types_supported").begin_array().value("public").end_array();
  w.key("id_token_signing_alg_values_supported").begin_array();
  std::vector<std::string_view> algorithms;
  for (const Key& key : options_.verification_keys)
    if (std::ranges::find(algorithms, key.algorithm()) == algorithms.end())
      algorithms.push_back(key.algorithm());
  for (const std::string_view algorithm : algorithms) w.value(algorithm);
  w.end_array().end_object();
  return std::move(w).text();
}

Result<std::string> ServiceAccountTokens::key_set() const {
  json::TreeObject set;
  for (const Key& key : options_.verification_keys) set["keys"].array().push_back(TRY(key.to_jwk()));
  return json::Tree(std::move(set)).to_text();
}

}  // namespace gantry::kube
