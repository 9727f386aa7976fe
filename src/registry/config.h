// SPDX-License-Identifier: Apache-2.0
//
// What a registry is told: one JSON file, documented key by key in docs/formats/registry-config.md.
// Every field has a default that is safe on a closed network: plain HTTP on loopback, no accounts.
//
//   Config config = TRY(Config::load("/etc/gantry/registry.json"));
//
// A key that is not known is an error: a misspelt rule must not leave a door open.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace gantry::registry {

struct TlsConfig {
  std::string certificate;  // PEM, the whole chain
  std::string key;          // PEM
  std::string client_ca;    // PEM; when set, clients must show a certificate of it
};

enum class Action : std::uint8_t { Pull, Push, Delete };

// Who may do what where. All rules that match add up; nothing is ever taken away.
struct RuleConfig {
  std::vector<std::string> repositories;  // patterns: `*` within a component, `**` over all of them
  std::vector<std::string> users;         // names; "*" is anyone with an account, "anonymous" is anyone
  std::vector<Action> actions;
};

// Our own token service: `docker login` and every client trade a password for short-lived tokens.
struct TokenConfig {
  std::string key;      // PEM, EC P-256; made when the file is not there
  std::string realm;    // URL clients are sent to; empty: /token of the host they asked for
  std::string service;  // the registry's name in tokens
  std::string issuer;
  std::int64_t lifetime_seconds = 300;
  std::int64_t refresh_lifetime_seconds = 30L * 24 * 3600;
};

// A token service of others.
struct IssuerConfig {
  std::string issuer;      // the `iss` it signs with
  std::string public_key;  // PEM; EC P-256 (ES256) or RSA (RS256)
  std::string realm;       // where clients get its tokens
  std::string service;     // the `aud` its tokens must have
};

struct AuthConfig {
  std::string htpasswd;  // file; read again when it changes
  std::string realm = "gantry registry";
  std::vector<RuleConfig> rules;  // none: whoever has an account may do everything
  std::optional<TokenConfig> token;
  std::vector<IssuerConfig> issuers;
};

struct QuotaConfig {
  std::vector<std::string> repositories;  // patterns, as in rules; each repository has its own quota
  std::uint64_t bytes = 0;
};

// A pull-through cache: <prefix>/<rest> is <rest> at the upstream, fetched when it is asked for.
struct UpstreamConfig {
  std::string prefix;    // repository components before the upstream's own: "hub"
  std::string registry;  // "docker.io", "quay.io", "registry.example.org:5000"
  std::string username;
  std::string password_file;
  std::int64_t refresh_seconds = 300;  // how long a tag is believed without asking again
};

enum class AccessLogFormat : std::uint8_t { Combined, Json };

struct AccessLogConfig {
  std::string path;  // "-": standard output; empty: none
  AccessLogFormat format = AccessLogFormat::Combined;
};

struct Config {
  std::vector<std::string> listen = {"127.0.0.1:5000"};  // "host:port", "[::1]:port", "unix:/path"
  std::optional<TlsConfig> tls;
  AuthConfig auth;
  bool read_only = false;
  bool allow_delete = true;
  bool metrics = true;  // GET /metrics
  std::vector<QuotaConfig> quotas;
  std::vector<UpstreamConfig> upstreams;
  AccessLogConfig access_log;
  std::uint64_t max_manifest_bytes = 4 << 20;
  std::uint64_t max_blob_bytes = 0;                  // 0: as much as the disk has
  std::int64_t upload_timeout_seconds = 24L * 3600;  // an upload that nobody continues
  int threads = 64;  // requests worked on at once; one that sends slowly has its thread all the while

  static Result<Config> parse(std::string_view json);
  static Result<Config> load(const std::string& path);
};

// Whether a repository name is matched by `*` and `**` as rules and quotas write them.
bool matches(std::string_view pattern, std::string_view repository);

}  // namespace gantry::registry
