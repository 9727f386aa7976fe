// SPDX-License-Identifier: Apache-2.0
#include "docker/server.h"

#include <utility>

#include "base/heap.h"
#include "docker/endpoints.h"
#include "engine/engine.h"
#include "image/image_store.h"

namespace gantry::docker {

DockerServer::DockerServer(ServerParts parts, DaemonDescription daemon, std::unique_ptr<StreamLoop> streams)
    : daemon_(std::move(daemon)),
      streams_(std::move(streams)),
      metrics_(parts.engine.events()),
      context_{.engine = parts.engine,
               .images = parts.images,
               .snapshots = parts.snapshots,
               .registries = parts.registries,
               .networks = parts.networks,
               .builder = parts.builder,
               .buildkit = parts.buildkit,
               .usage = parts.usage,
               .metrics = metrics_,
               .daemon = daemon_,
               .streams = *streams_,
               .log = parts.log},
      router_(context_,
              [this](const Route& route, bool is_success, std::chrono::nanoseconds duration) {
                metrics_.served(route, is_success, duration);
              }),
      metrics_router_(context_) {
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
                            pod_routes,
                            image_search_routes,
                            metrics_routes,
                            usage_routes})
    router_.add(routes());
  metrics_router_.add(metrics_routes());
}

DockerServer::~DockerServer() { stop(std::chrono::milliseconds(0)); }

Result<std::unique_ptr<DockerServer>> DockerServer::start(std::vector<http::Listener> listeners,
                                                          std::vector<http::Listener> metrics_listeners,
                                                          ServerParts parts, DaemonDescription daemon) {
  std::unique_ptr<StreamLoop> streams = TRY(StreamLoop::start(parts.log));
  std::unique_ptr<DockerServer> server(new DockerServer(parts, std::move(daemon), std::move(streams)));
  if (!metrics_listeners.empty()) TRY(server->serve_metrics(std::move(metrics_listeners)));
  TRY(server->serve_api(std::move(listeners)));
  return server;
}

Result<void> DockerServer::serve_api(std::vector<http::Listener> listeners) {
  http::ServerOptions options;
  options.max_head = 256 << 10;  // filters of compose projects and credentials stand in heads
  options.max_connections = 16384;
  options.max_handlers = 64;  // starts and stops wait; streams hold no thread
  options.max_waiting = 16384;
  options.on_rest = [this] { rest(); };
  options.on_done = [this](const http::RequestSummary& request) { on_done(request); };
  http_ = TRY(http::Server::start(
      std::move(listeners),
      [this](http::Request& request, http::ResponseWriter& response) {
        return router_.serve(request, response);
      },
      std::move(options)));
  return {};
}

Result<void> DockerServer::serve_metrics(std::vector<http::Listener> listeners) {
  metrics_http_ = TRY(http::Server::start(std::move(listeners),
                                          [this](http::Request& request, http::ResponseWriter& response) {
                                            return metrics_router_.serve(request, response);
                                          },
                                          {.max_connections = 64, .max_handlers = 2}));
  return {};
}

void DockerServer::on_done(const http::RequestSummary& request) {
  metrics_.answered(request.head.method, request.status);
  if (!context_.log.is_on(LogLevel::Debug)) return;
  const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(request.duration).count();
  // Not the query: it may name what is nobody's business, as build arguments do.
  context_.log.debug("request", {{"method", request.head.method},
                                 {"path", request.head.path()},
                                 {"status", request.status},
                                 {"peer", request.peer.address},
                                 {"microseconds", microseconds},
                                 {"error", request.error == nullptr ? "" : request.error->message()}});
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
  if (metrics_http_) metrics_http_->stop(grace);
}

}  // namespace gantry::docker
