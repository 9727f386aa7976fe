// SPDX-License-Identifier: Apache-2.0
//
// What a user shows to a registry, and where it is found: docker's config.json, the credential helpers that
// it names, and the headers of the Docker API.
//
//   CredentialStore store = TRY(CredentialStore::from_environment());
//   std::optional<Credentials> shown = TRY(store.find(reference.registry(), reference.repository()));
//
// Config file: https://docs.docker.com/reference/cli/docker/login/ and containers-auth.json(5)
// Helpers: https://github.com/docker/docker-credential-helpers
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace gantry::image {

struct Credentials {
  std::string username;
  std::string password;
  std::string identity_token;  // changed for a bearer token at the token server (OAuth2's refresh token)
  std::string registry_token;  // is the bearer token

  friend bool operator==(const Credentials&, const Credentials&) = default;
};

// One config.json, as it was when it was read. Constant after that, so threads may share it.
class CredentialStore {
 public:
  // No credentials at all.
  CredentialStore() = default;

  // What is not there holds nothing; what cannot be understood is an error that names file and field.
  static Result<CredentialStore> read(const std::string& path);
  // $REGISTRY_AUTH_FILE, else config.json in $DOCKER_CONFIG, else ~/.docker/config.json.
  static Result<CredentialStore> from_environment();
  static Result<CredentialStore> parse(std::string_view json);

  // For a repository ("" for none in particular), by the longest name that the file knows: the file may hold
  // credentials of "quay.io/team". Nullopt: anonymous. Runs a helper where the file names one, and blocks
  // until it has answered, kHelperTime at most.
  Result<std::optional<Credentials>> find(std::string_view registry, std::string_view repository = {}) const;
  // What the file itself holds, by registry; helpers are not asked.
  const std::map<std::string, Credentials>& all() const { return auths_; }

 private:
  std::map<std::string, Credentials> auths_;
  std::map<std::string, std::string> helpers_;  // for single registries
  std::string default_helper_;                  // for all others; empty: auths_
};

// Time enough for somebody to unlock a key ring.
inline constexpr std::chrono::seconds kHelperTime{60};

// What `docker login` and `logout` do: keep a registry's credentials where
// CredentialStore::from_environment() and all other clients find them, or take them away. Whatever else is in
// the file stays as it is; a registry for which it names a helper is the helper's affair.
class CredentialFile {
 public:
  // The file need not be there.
  explicit CredentialFile(std::string path) : path_(std::move(path)) {}
  // Where from_environment() looks. InvalidArgument if the environment names no place.
  static Result<CredentialFile> from_environment();

  const std::string& path() const { return path_; }
  // Where they are now: the file's path, or the helper's name.
  Result<std::string> store(std::string_view registry, const Credentials& credentials) const;
  // False: there was nothing to take away.
  Result<bool> erase(std::string_view registry) const;

 private:
  std::string path_;
};

// X-Registry-Auth of the Docker API: base64 of one object. Nullopt if it holds nothing, as clients without
// credentials send it.
Result<std::optional<Credentials>> parse_registry_auth(std::string_view header);

// X-Registry-Config of the Docker API (build): base64 of an object from registries to their credentials.
Result<CredentialStore> parse_registry_config(std::string_view header);

}  // namespace gantry::image
