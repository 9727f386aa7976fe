// SPDX-License-Identifier: Apache-2.0
//
// The registry: every endpoint of the distribution specification 1.1 over the image store, and Docker's
// catalogue, a token service, metrics, and the history of tags beside it.
//
//   auto registry = TRY(Registry::open(config, store, log));
//   http::Server::start(listeners, [&](auto& request, auto& response) { return registry->handle(request,
//   response); })
//
// Usually wrapped in a RegistryServer (server.h), which also listens. Requests run on many threads at once.
//
// https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md
#pragma once

#include <memory>

#include "base/error.h"
#include "base/log.h"
#include "http/server.h"
#include "image/image_store.h"
#include "registry/config.h"

namespace gantry::registry {

class Registry {
 public:
  // `store` and `log` outlive it. Reads accounts and keys, and opens the access log.
  static Result<std::unique_ptr<Registry>> open(Config config, image::ImageStore& store, const Logger& log);
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;
  ~Registry();

  // Fails only when the answer could not be given.
  Result<void> handle(http::Request& request, http::ResponseWriter& response);
  // For the access log and the metrics; called once a request is done.
  void record(const http::RequestSummary& summary);

  // Removes uploads that nobody has continued for Config::upload_timeout_seconds. To be called now and then.
  Result<void> expire_uploads();
  // After the file was renamed away by who rotates it.
  Result<void> reopen_access_log();

 private:
  class Impl;
  explicit Registry(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace gantry::registry
