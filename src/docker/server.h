// SPDX-License-Identifier: Apache-2.0
//
// The Docker Engine API on sockets: translation onto the engine, and nothing else.
//
//   auto server = TRY(DockerServer::start(std::move(listeners), {engine, images, …, log}));
//   server->stop(10s);
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "docker/context.h"
#include "docker/daemon_description.h"
#include "docker/metrics.h"
#include "docker/router.h"
#include "docker/stream_loop.h"
#include "http/listener.h"
#include "http/server.h"
#include "http/tls.h"

namespace gantry::docker {

// What the API translates onto; outlives the server.
struct ServerParts {
  engine::Engine& engine;
  image::ImageStore& images;
  image::Snapshots& snapshots;
  image::Registries& registries;
  network::Networks& networks;
  build::Builder& builder;
  buildkit::BuildKit& buildkit;
  engine::UsageLog& usage;
  const Logger& log;
};

class DockerServer {
 public:
  // Takes requests when it returns.
  // On `metrics_listeners` nothing but GET /metrics is served.
  static Result<std::unique_ptr<DockerServer>> start(std::vector<http::Listener> listeners,
                                                     std::vector<http::Listener> metrics_listeners,
                                                     ServerParts parts, DaemonDescription daemon);
  DockerServer(const DockerServer&) = delete;
  DockerServer& operator=(const DockerServer&) = delete;
  ~DockerServer();  // stop(0)

  std::vector<std::string> addresses() const;

  // Both from now on, and from any thread.
  void describe(DaemonDescription daemon) { daemon_.set(std::move(daemon)); }
  void renew_tls(std::shared_ptr<const http::TlsContext> tls) { http_->renew_tls(std::move(tls)); }

  // Lets running requests finish for as long as `grace`; streams of clients are cut.
  void stop(std::chrono::milliseconds grace);

 private:
  DockerServer(ServerParts parts, DaemonDescription daemon, std::unique_ptr<StreamLoop> streams);
  Result<void> serve_api(std::vector<http::Listener> listeners);
  Result<void> serve_metrics(std::vector<http::Listener> listeners);
  void on_done(const http::RequestSummary& request);
  void rest();

  CurrentDescription daemon_;
  const std::unique_ptr<StreamLoop> streams_;
  Metrics metrics_;
  const Context context_;
  Router router_;
  Router metrics_router_;
  std::unique_ptr<http::Server> metrics_http_;
  std::unique_ptr<http::Server> http_;  // first to go: handlers use all of the above
};

}  // namespace gantry::docker
