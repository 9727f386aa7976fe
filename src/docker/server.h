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
#include <vector>

#include "base/error.h"
#include "docker/context.h"
#include "docker/daemon_description.h"
#include "docker/router.h"
#include "docker/stream_loop.h"
#include "http/listener.h"
#include "http/server.h"

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
  const Logger& log;
};

class DockerServer {
 public:
  // Takes requests when it returns.
  static Result<std::unique_ptr<DockerServer>> start(std::vector<http::Listener> listeners, ServerParts parts,
                                                     DaemonDescription daemon);
  DockerServer(const DockerServer&) = delete;
  DockerServer& operator=(const DockerServer&) = delete;
  ~DockerServer();  // stop(0)

  std::vector<std::string> addresses() const;

  // Lets running requests finish for as long as `grace`; streams of clients are cut.
  void stop(std::chrono::milliseconds grace);

 private:
  DockerServer(ServerParts parts, DaemonDescription daemon, std::unique_ptr<StreamLoop> streams);
  void rest();

  const DaemonDescription daemon_;
  const std::unique_ptr<StreamLoop> streams_;
  const Context context_;
  Router router_;
  std::unique_ptr<http::Server> http_;  // first to go: handlers use all of the above
};

}  // namespace gantry::docker
