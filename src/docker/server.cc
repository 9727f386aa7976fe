// SPDX-License-Identifier: Apache-2.0
#include "docker/server.h"

#include <utility>

#include "base/heap.h"
#include "docker/endpoints.h"
#include "image/image_store.h"

namespace gantry::docker {

DockerServer::DockerServer(ServerParts parts, DaemonDescription daemon, std::unique_ptr<StreamLoop> streams)
    : daemon_(std::move(daemon)),
      streams_(std::move(streams)),
      context_{.engine = parts.engine,
               .images = parts.images,
               .snapshots = parts.snapshots,
               .registries = parts.registries,
               .networks = parts.networks,
               .builder = parts.builder,
               .buildkit = parts.buildkit,
               .daemon = daemon_,
               .streams = *streams_,
               .log = parts.log},
      router_(context_) {
  for (const auto routes : {container_routes,
                            container_view_routes,
                            container_content_routes,
                            archive_routes,
                            attach_routes,
                            wait_routes,
                            log_routes,
                            stats_routes,
                            exec_routes,
                            image_routes,
                            image_create_routes,
                            image_push_routes,
                            image_archive_routes,
                            registry_routes,
                            network_routes,
                            volume_routes,
                            system_routes,
                            event_routes,
                            disk_usage_routes,
                            build_routes,
                            buildkit_routes,
                            plugin_routes,
                            swarm_routes,
                            trace_routes,
                            check_routes,
                            pod_routes})
    router_.add(routes());
}

DockerServer::~DockerServer() { stop(std::chrono::milliseconds(0)); }

Result<std::unique_ptr<DockerServer>> DockerServer::start(std::vector<http::Listener> listeners,
                                                          ServerParts parts, DaemonDescription daemon) {
  std::unique_ptr<DockerServer> server(
      new DockerServer(parts, std::move(daemon), TRY(StreamLoop::start(parts.log))));
  http::ServerOptions options;
  options.max_head = 256 << 10;  // filters of compose projects and credentials stand in heads
  options.max_connections = 16384;
  options.max_handlers = 64;  // starts and stops wait; streams hold no thread
  options.max_waiting = 16384;
  options.on_rest = [raw = server.get()] { raw->rest(); };
  server->http_ = TRY(http::Server::start(
      std::move(listeners),
      [raw = server.get()](http::Request& request, http::ResponseWriter& response) {
        return raw->router_.serve(request, response);
      },
      std::move(options)));
  return server;
}

void DockerServer::rest() {
  context_.images.database().release_memory();
  trim_heap();
}

std::vector<std::string> DockerServer::addresses() const {
  std::vector<std::string> names;
  for (const http::Listener& listener : http_->listeners()) names.push_back(listener.name());
  return names;
}

void DockerServer::stop(std::chrono::milliseconds grace) {
  if (http_) http_->stop(grace);
}

}  // namespace gantry::docker
