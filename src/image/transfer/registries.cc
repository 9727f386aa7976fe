// SPDX-License-Identifier: Apache-2.0
#include "image/transfer/registries.h"

#include <cstddef>
#include <optional>
#include <tuple>
#include <utility>

namespace gantry::image {
namespace {

// In a daemon each user's token makes a client of its own; they are made anew in no time.
constexpr std::size_t kMaxClients = 64;

// The status of an answer to "/v2/", if there is any.
std::optional<int> status_of(http::Client& client, const std::string& base) {
  const auto url = http::Url::parse(base + "/v2/");
  if (!url) return std::nullopt;
  const auto answer = client.send({.url = *url, .answer_timeout = std::chrono::seconds(5)});
  return answer ? std::optional(answer->status()) : std::nullopt;
}

// A server on this host that nobody has configured: whether it speaks TLS. Its certificate proves nothing
// that the loopback address does not. Without TLS is asked first, since making that ready takes milliseconds;
// who expects it ends the connection, or says that this is a bad request.
bool speaks_tls(const http::ClientOptions& options, const std::string& host) {
  http::Client probe(options);
  const std::optional<int> plain = status_of(probe, "http://" + host);
  return (!plain || *plain == 400) && status_of(probe, "https://" + host).has_value();
}

}  // namespace

Result<RegistriesOptions> RegistriesOptions::from_host() {
  RegistriesOptions options;
  options.config = TRY(RegistriesConfig::from_host());
  options.credentials = TRY(CredentialStore::from_environment());
  options.http = TRY(http::ClientOptions::from_environment());
  return options;
}

bool Registries::Key::operator<(const Key& other) const {
  const auto tie = [](const Key& key) {
    static const Credentials kNone;
    const Credentials& shown = key.credentials ? *key.credentials : kNone;
    return std::tie(key.host, shown.username, shown.password, shown.identity_token, shown.registry_token);
  };
  return tie(*this) < tie(other);
}

void Registries::configure(RegistriesConfig config) {
  auto fresh = std::make_shared<const RegistriesConfig>(std::move(config));
  MutexLock lock(mutex_);
  config_ = std::move(fresh);
  clients_.clear();  // they were made as the old one said
}

std::shared_ptr<const RegistriesConfig> Registries::config() const {
  MutexLock lock(mutex_);
  return config_;
}

Result<std::vector<Route>> Registries::pull_routes(const oci::Reference& reference,
                                                   const std::optional<Credentials>& credentials) {
  std::vector<Route> routes;
  for (const RegistryEndpoint& endpoint : TRY(config()->pull_endpoints(reference)))
    routes.push_back(TRY(route(endpoint, credentials)));
  return routes;
}

Result<Route> Registries::push_route(const oci::Reference& reference,
                                     const std::optional<Credentials>& credentials) {
  return route(TRY(config()->push_endpoint(reference)), credentials);
}

Result<std::shared_ptr<RegistryClient>> Registries::registry(const std::string& name,
                                                             const Credentials& credentials) {
  return connect(TRY(config()->registry(name)), credentials);
}

Result<Route> Registries::route(const RegistryEndpoint& endpoint,
                                const std::optional<Credentials>& credentials) {
  // What the caller brought is meant for the registry that was named, not for its mirrors.
  const bool is_callers = credentials && !endpoint.is_mirror;
  const std::optional<Credentials> shown =
      is_callers ? credentials
                 : TRY_DURING(options_.credentials.find(endpoint.registry, endpoint.repository),
                              "credentials for '{}'", endpoint.registry);
  const Key key{endpoint.host, shown};
  {
    MutexLock lock(mutex_);
    if (const auto found = clients_.find(key); found != clients_.end())
      return Route{found->second, endpoint.repository};
  }
  std::shared_ptr<RegistryClient> client = TRY(connect(endpoint, shown));
  MutexLock lock(mutex_);
  if (clients_.size() >= kMaxClients) clients_.clear();
  return Route{clients_.try_emplace(key, std::move(client)).first->second, endpoint.repository};
}

Result<std::shared_ptr<RegistryClient>> Registries::connect(
    const RegistryEndpoint& endpoint, const std::optional<Credentials>& credentials) const {
  RegistryClientOptions options{.http = options_.http,
                                .credentials = credentials,
                                .retry = options_.retry,
                                .chunk_size = options_.chunk_size};
  options.http.tls = endpoint.settings.tls;
  bool is_tls = endpoint.settings.transport == Transport::Tls;
  if (endpoint.settings.transport == Transport::Either) {
    options.http.tls.verify = false;
    is_tls = speaks_tls(options.http, endpoint.host);
  }
  const http::Url base = TRY(http::Url::parse((is_tls ? "https://" : "http://") + endpoint.host));
  return std::make_shared<RegistryClient>(endpoint.host, base, std::move(options));
}

}  // namespace gantry::image
