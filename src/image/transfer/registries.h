// SPDX-License-Identifier: Apache-2.0
//
// The registries that this process talks to: who serves a name (mirrors first), how each is reached, and what
// the user has to show there. Keeps their clients, so that connections and tokens serve one transfer after
// the other. Thread-safe.
//
//   Registries registries(TRY(RegistriesOptions::from_host()));
//   for (const Route& route : TRY(registries.pull_routes(reference))) ...
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "http/client.h"
#include "image/transfer/credentials.h"
#include "image/transfer/registries_config.h"
#include "image/transfer/registry_client.h"
#include "oci/image/reference.h"

namespace gantry::image {

// One place where a repository is found.
struct Route {
  std::shared_ptr<RegistryClient> registry;  // shared by the transfers that use it
  std::string repository;                    // as that registry calls it
};

struct RegistriesOptions {
  RegistriesConfig config;
  CredentialStore credentials;
  http::ClientOptions http;  // its tls is the configuration's affair
  RetryPolicy retry;
  std::uint64_t chunk_size = 0;  // bytes, see RegistryClientOptions

  // The host's configuration, the user's credentials, the environment's proxies.
  static Result<RegistriesOptions> from_host();
};

class Registries {
 public:
  explicit Registries(RegistriesOptions options)
      : options_(std::move(options)), config_(std::make_shared<const RegistriesConfig>(options_.config)) {}
  Registries(const Registries&) = delete;
  Registries& operator=(const Registries&) = delete;

  // Which registries there are and how they are reached, for transfers that begin from now on.
  void configure(RegistriesConfig config);

  // In the order in which to try them; never empty. `credentials` stand in for what the user has stored.
  Result<std::vector<Route>> pull_routes(const oci::Reference& reference,
                                         const std::optional<Credentials>& credentials = std::nullopt);
  Result<Route> push_route(const oci::Reference& reference,
                           const std::optional<Credentials>& credentials = std::nullopt);
  // What a layer that is pulled may become when it is decompressed.
  const oci::DecompressLimits& layer_limits() const { return options_.config.layer_limits(); }
  // The registry itself, to see whether it takes these credentials.
  Result<std::shared_ptr<RegistryClient>> registry(const std::string& name, const Credentials& credentials);

 private:
  struct Key {
    std::string host;
    std::optional<Credentials> credentials;
    bool operator<(const Key& other) const;
  };

  Result<Route> route(const RegistryEndpoint& endpoint, const std::optional<Credentials>& credentials);
  Result<std::shared_ptr<RegistryClient>> connect(const RegistryEndpoint& endpoint,
                                                  const std::optional<Credentials>& credentials) const;

  std::shared_ptr<const RegistriesConfig> config() const;

  const RegistriesOptions options_;  // but for its configuration, which may change
  mutable Mutex mutex_;              // guards what follows
  std::shared_ptr<const RegistriesConfig> config_ GUARDED_BY(mutex_);
  std::map<Key, std::shared_ptr<RegistryClient>> clients_ GUARDED_BY(mutex_);
};

}  // namespace gantry::image
