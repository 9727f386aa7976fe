// SPDX-License-Identifier: Apache-2.0
#include "registry/config.h"

#include <algorithm>
#include <array>

#include "base/file.h"
#include "base/json_codec.h"
#include "oci/image/reference.h"

namespace gantry::registry {

using json::Fields;
using enum json::Presence;

static constexpr std::array<std::string_view, 3> kActions = {"pull", "push", "delete"};
static constexpr std::array<std::string_view, 2> kFormats = {"combined", "json"};
static constexpr const auto& names_of(Action) { return kActions; }
static constexpr const auto& names_of(AccessLogFormat) { return kFormats; }

static void fields(Fields& f, TlsConfig& tls) {
  f("certificate", tls.certificate, Required);
  f("key", tls.key, Required);
  f("clientCa", tls.client_ca);
}

static void fields(Fields& f, RuleConfig& rule) {
  f("repositories", rule.repositories, Required);
  f("users", rule.users, Required);
  f("actions", rule.actions, Required);
}

static void fields(Fields& f, TokenConfig& token) {
  f("key", token.key, Required);
  f("realm", token.realm);
  f("service", token.service, Required);
  f("issuer", token.issuer, Required);
  f("lifetimeSeconds", token.lifetime_seconds);
  f("refreshLifetimeSeconds", token.refresh_lifetime_seconds);
}

static void fields(Fields& f, IssuerConfig& issuer) {
  f("issuer", issuer.issuer, Required);
  f("publicKey", issuer.public_key, Required);
  f("realm", issuer.realm, Required);
  f("service", issuer.service, Required);
}

static void fields(Fields& f, AuthConfig& auth) {
  f("htpasswd", auth.htpasswd);
  f("realm", auth.realm);
  f("rules", auth.rules);
  f("token", auth.token);
  f("issuers", auth.issuers);
}

static void fields(Fields& f, QuotaConfig& quota) {
  f("repositories", quota.repositories, Required);
  f("bytes", quota.bytes, Required);
}

static void fields(Fields& f, UpstreamConfig& upstream) {
  f("prefix", upstream.prefix, Required);
  f("registry", upstream.registry, Required);
  f("username", upstream.username);
  f("passwordFile", upstream.password_file);
  f("refreshSeconds", upstream.refresh_seconds);
}

static void fields(Fields& f, AccessLogConfig& log) {
  f("path", log.path);
  f("format", log.format);
}

static void fields(Fields& f, Config& config) {
  f("listen", config.listen);
  f("tls", config.tls);
  f("auth", config.auth);
  f("readOnly", config.read_only);
  f("allowDelete", config.allow_delete);
  f("metrics", config.metrics);
  f("quotas", config.quotas);
  f("upstreams", config.upstreams);
  f("accessLog", config.access_log);
  f("maxManifestBytes", config.max_manifest_bytes);
  f("maxBlobBytes", config.max_blob_bytes);
  f("uploadTimeoutSeconds", config.upload_timeout_seconds);
  f("threads", config.threads);
}

// What each field says is right, and together they are not.
static Result<void> check(const Config& config) {
  const AuthConfig& auth = config.auth;
  if (config.listen.empty()) return error(Code::InvalidArgument, "'listen' is empty: nobody could connect");
  if (config.threads < 1) return error(Code::InvalidArgument, "'threads' is {}: at least 1", config.threads);
  if (config.max_manifest_bytes == 0 || config.upload_timeout_seconds <= 0)
    return error(Code::InvalidArgument, "'maxManifestBytes' and 'uploadTimeoutSeconds' must be above 0");
  if (auth.token && auth.htpasswd.empty())
    return error(Code::InvalidArgument, "'auth.token' needs 'auth.htpasswd': tokens are given to its users");
  if (auth.token && !auth.issuers.empty())
    return error(Code::InvalidArgument,
                 "'auth.token' and 'auth.issuers' exclude each other: clients are sent to one token service");
  if (auth.issuers.size() > 1) {
    for (const IssuerConfig& issuer : auth.issuers)
      if (issuer.realm != auth.issuers.front().realm || issuer.service != auth.issuers.front().service)
        return error(Code::InvalidArgument,
                     "'auth.issuers' name different realms or services: clients are sent to one");
  }
  if (auth.token && (auth.token->lifetime_seconds < 60 || auth.token->refresh_lifetime_seconds < 60))
    return error(Code::InvalidArgument, "'auth.token': clients want tokens that live at least 60 seconds");
  if (auth.token && auth.token->lifetime_seconds > 24L * 3600)
    return error(Code::InvalidArgument,
                 "'auth.token': a token cannot be taken back; let it live at most a day");
  for (const RuleConfig& rule : auth.rules)
    if (rule.repositories.empty() || rule.users.empty() || rule.actions.empty())
      return error(Code::InvalidArgument, "a rule of 'auth.rules' has an empty list and would never apply");
  // A client sends credentials only where the answer to its first request asked for them, and with Basic it
  // cannot go on without: docker could either pull anonymously or push, never both.
  const auto names_anonymous = [](const RuleConfig& rule) {
    return std::ranges::find(rule.users, "anonymous") != rule.users.end();
  };
  if (!auth.htpasswd.empty() && !auth.token && std::ranges::any_of(auth.rules, names_anonymous))
    return error(
        Code::InvalidArgument,
        "'auth.rules' let 'anonymous' in beside the accounts of 'auth.htpasswd'; clients can do both "
        "only with tokens: add 'auth.token'");
  for (const UpstreamConfig& upstream : config.upstreams)
    if (!oci::is_repository(upstream.prefix) || !oci::is_registry(upstream.registry) ||
        upstream.username.empty() != upstream.password_file.empty())
      return error(
          Code::InvalidArgument,
          "upstream '{}': 'prefix' is no repository's name, 'registry' is no host, or one of 'username' and "
          "'passwordFile' is missing",
          upstream.prefix);
  for (const QuotaConfig& quota : config.quotas)
    if (quota.repositories.empty() || quota.bytes == 0)
      return error(Code::InvalidArgument, "a quota of 'quotas' has no repositories or no bytes");
  return {};
}

Result<Config> Config::parse(std::string_view json) {
  const json::Document document = TRY(json::Document::parse(std::string(json)));
  Config config;
  config.listen.clear();
  TRY(json::decode_into(config, document.root(), json::UnknownKeys::Refuse));
  if (!document.root().find("listen")) config.listen = Config{}.listen;
  TRY(check(config));
  return config;
}

Result<Config> Config::load(const std::string& path) {
  const std::string text = TRY_DURING(read_file(path), "registry configuration");
  return TRY_DURING(parse(text), "registry configuration '{}'", path);
}

bool matches(std::string_view pattern, std::string_view repository) {
  // Backtracks to the last star alone, which is enough for globs: linear in practice, never exponential.
  // A single `*` that must cross a '/' falls back to the last `**`.
  struct Star {
    std::size_t pattern = 0, text = 0;
    bool set = false;
  };
  Star one, all;
  std::size_t p = 0, t = 0;
  for (;;) {
    if (pattern.substr(p, 2) == "**") {
      p += 2;
      all = {p, t, true};
      one.set = false;
    } else if (p < pattern.size() && pattern[p] == '*') {
      one = {++p, t, true};
    } else if (p < pattern.size() && t < repository.size() && pattern[p] == repository[t]) {
      ++p, ++t;
    } else if (p == pattern.size() && t == repository.size()) {
      return true;
    } else if (one.set && one.text < repository.size() && repository[one.text] != '/') {
      p = one.pattern;
      t = ++one.text;
    } else if (all.set && all.text < repository.size()) {
      p = all.pattern;
      t = ++all.text;
      one.set = false;
    } else {
      return false;
    }
  }
}

}  // namespace gantry::registry
